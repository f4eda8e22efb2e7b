mod connections;
mod crowds;
mod filtered;
mod finding;
mod harness;
mod outside;
mod trackers;
mod transfer;
