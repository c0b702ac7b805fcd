//! Runs that are killed, hurried and doubled come to the same, byte by byte.

mod crash;
mod nodes;
mod same;
mod world;
