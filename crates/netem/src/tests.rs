mod faults;
mod link;
mod network;
mod rungs;
