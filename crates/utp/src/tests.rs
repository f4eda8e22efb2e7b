mod clocks;
mod ledbat;
mod life;
mod transfers;
mod world;
