mod link;
mod network;
