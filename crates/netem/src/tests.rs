mod faults;
mod link;
mod lossy;
mod nat;
mod network;
mod rungs;
