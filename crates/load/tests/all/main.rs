//! Tests of the load generator against a small imitation of the server; the real one is driven by the CLI's own tests.

mod bench;
mod catalog;
mod client;
mod crash;
mod demo;
mod fake_api;
mod fake_server;
mod server_process;
mod smoke;
