mod harness;
mod trackers;
mod transfer;
