//! The program as its users run it: a process with arguments, an environment, a working folder and an exit code.

mod machine;

mod admin;
mod catalog;
mod config;
mod demo;
mod doctor;
mod help;
mod migrate;
mod readme;
mod reference;
mod serve;
mod verify;
