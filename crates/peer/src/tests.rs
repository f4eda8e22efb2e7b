mod exchange;
mod fuzzed;
mod misbehaviour;
mod pair;
mod scripted;
mod sessions;
mod timing;
