//! Many customers, each with a subscription, made over several connections.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use super::super::plan;
use super::super::usage::customer_key;
use crate::account::Account;
use crate::client::Client;
use crate::{LoadError, requests};

const CONNECTIONS: usize = 8;

/// Makes the customers and subscribes each to the plan from `starts_at` on.
pub(super) fn all(base_url: &str, account: &Account, customers: u64, starts_at: &str) -> Result<(), LoadError> {
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let connections: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let next = &next;
                scope.spawn(move || {
                    let mut client = Client::new(base_url)?;
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= customers {
                            return Ok(());
                        }
                        one(&mut client, account, number, starts_at)?;
                    }
                })
            })
            .collect();
        // Cannot fail: a connection answers with an error and does not panic.
        connections.into_iter().try_for_each(|connection| connection.join().expect("a connection does not panic"))
    })
}

fn one(client: &mut Client, account: &Account, number: u64, starts_at: &str) -> Result<(), LoadError> {
    let Account { access_token, project_id, .. } = account;
    let key = customer_key(number);
    let customer = json!({ "externalKey": key, "name": format!("Customer {number}") });
    let request = requests::create_customer(access_token, project_id, &customer);
    client.send_patiently(&request)?.require(&request.name(), &[200, 201])?;
    let subscription = json!({
        "externalKey": format!("{key}-main"), "customerKey": key, "plan": { "key": plan::PLAN }, "startsAt": starts_at,
    });
    let request = requests::write(access_token, project_id, "/subscriptions", &subscription).idempotency_key(&key);
    client.send_patiently(&request)?.require(&request.name(), &[201])?;
    Ok(())
}
