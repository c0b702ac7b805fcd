//! The API as callers see it: one file per part of the URL tree, each test on both databases.
//!
//! A test is a sentence and a story: `on_both! { fn a_viewer_cannot_grant_credit(world) { … } }`. The world sends real requests
//! through the real router, without a network, and checks at the end that every standing invariant still holds.

#[allow(dead_code, reason = "a vocabulary: not every word is used at every time")]
mod world;

mod access_keys;
mod admin;
mod audit;
mod auth;
mod backtests;
mod billing_runs;
mod billing_settings;
mod catalog;
mod clock;
mod customers;
mod docs;
mod estimates;
mod foreign_ids;
mod health;
mod hostile;
mod http;
mod ingest;
mod invoices;
mod jobs;
mod ledger;
mod matrix;
mod members;
mod metric_versions;
mod metrics;
mod openapi;
mod overview;
mod plans;
mod projects;
mod rate_limits;
mod sandbox_year;
mod sockets;
mod stories;
mod subscriptions;
mod trace;
mod transactions;
mod usage_corrections;
mod wallets;
