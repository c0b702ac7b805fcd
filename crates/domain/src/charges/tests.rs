//! Charges by hand: what each test says in calendar time, and what it comes to.

mod bills;
mod cuts;
mod models;
mod stories;
pub(super) mod world;
