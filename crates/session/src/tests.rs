mod connections;
mod crowds;
mod finding;
mod harness;
mod trackers;
mod transfer;
