//! What the layer promises, on both databases: every test here runs the same body on SQLite and on PostgreSQL.

mod billing;
mod bulk;
mod constraints;
mod immutability;
mod migrations;
mod observed;
mod plans;
mod plans_on_postgres;
mod postgres_only;
mod probe;
mod schema;
mod sqlite_only;
mod statements;
mod subscriptions;
mod transactions;
mod values;
