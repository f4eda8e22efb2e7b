mod connections;
mod crowds;
mod harness;
mod trackers;
mod transfer;
