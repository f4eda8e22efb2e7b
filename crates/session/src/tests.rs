mod connections;
mod harness;
mod trackers;
mod transfer;
