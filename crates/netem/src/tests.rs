mod faults;
mod link;
mod lossy;
mod network;
mod rungs;
