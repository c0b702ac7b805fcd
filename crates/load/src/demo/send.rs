//! Sends the demo's events in batches over two connections, in order of time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use serde_json::{Value, json};

use super::usage::DemoEvent;
use crate::account::Account;
use crate::client::Client;
use crate::{LoadError, requests};

const BATCH: usize = 1_000;
const CONNECTIONS: usize = 2;

/// Sends every event; each must be accepted.
pub(super) fn batches(
    base_url: &str,
    account: &Account,
    events: &[DemoEvent],
    progress: &mut impl FnMut(&str),
) -> Result<(), LoadError> {
    let chunks: Vec<&[DemoEvent]> = events.chunks(BATCH).collect();
    let next = AtomicUsize::new(0);
    let (done, sent) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            let (done, next, chunks) = (done.clone(), &next, &chunks);
            scope.spawn(move || {
                let outcome = take_chunks(base_url, account, chunks, next, &done);
                if let Err(error) = outcome {
                    // The receiver is gone only when the other connection failed first.
                    done.send(Err(error)).ok();
                }
            });
        }
        drop(done);
        let mut total = 0;
        for count in sent {
            let count = count.inspect_err(|_| next.store(usize::MAX / 2, Ordering::Relaxed))?;
            total += count;
            if total == events.len() || total % (10 * BATCH) == 0 {
                progress(&format!("{total} of {} usage events", events.len()));
            }
        }
        Ok(())
    })
}

fn take_chunks(
    base_url: &str,
    account: &Account,
    chunks: &[&[DemoEvent]],
    next: &AtomicUsize,
    done: &mpsc::Sender<Result<usize, LoadError>>,
) -> Result<(), LoadError> {
    let mut client = Client::new(base_url)?;
    while let Some(chunk) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
        let items: Vec<Value> = chunk.iter().map(DemoEvent::item).collect();
        let request = requests::usage_batch(&account.access_key, &json!({ "events": items }));
        let reply = client.send_patiently(&request)?.require(&request.name(), &[200])?;
        if reply.json()["accepted"].as_u64() != u64::try_from(chunk.len()).ok() {
            return Err(LoadError::Unexpected { request: request.name(), status: reply.status, body: reply.quoted() });
        }
        if done.send(Ok(chunk.len())).is_err() {
            break;
        }
    }
    Ok(())
}
