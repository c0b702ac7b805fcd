//! HTTP: parses requests, asks the engine, renders answers. Async and free of rules; never sees the database.

pub mod answer;
mod api;
pub mod app;
pub mod client_address;
mod edge;
pub mod extract;
pub mod failure;
mod filter;
pub mod guard;
pub mod limits;
pub mod openapi;
pub mod page;
pub mod reference;
mod router;
pub mod routes;
pub mod serve;
pub mod settings;
mod yaml;

pub use app::App;
pub use guard::Guard;
pub use router::{api, router};
pub use settings::Settings;
