//! One worker: sends its operations one after the other, and each until it is answered, over any number of server lives.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::book::{Book, Verdict};
use super::gate::{Gate, Phase};
use super::operation::{FIRST_CREDIT, Money, MoneyKind, Operation};
use crate::account::{self, Account, Owner};
use crate::client::Client;
use crate::random::Random;
use crate::{LoadError, clock};

/// What all threads of a run share.
pub(super) struct Shared {
    pub(super) base_url: String,
    pub(super) owner: Owner,
    pub(super) account: Account,
    /// The newest user token; a restarted server may not know the old one.
    pub(super) token: Mutex<String>,
    pub(super) book: Mutex<Book>,
    pub(super) gate: Gate,
}

impl Shared {
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn token(&self) -> String {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One thread logs in, the others take what it got.
    pub(super) fn log_in_again(&self, client: &mut Client, refused: &str) -> Result<(), LoadError> {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if *token == refused {
            *token = account::login(client, &self.owner)?;
        }
        Ok(())
    }
}

/// So many of 1,000 sendings repeat something that was acknowledged before.
const REPEAT_PER_MILLE: u64 = 100;
const REMEMBERED: usize = 64;
const PAUSE_WHEN_REFUSED: Duration = Duration::from_millis(20);

/// Works until the gate says that the run ends and nothing of this worker is in flight.
pub(super) fn work(shared: &Shared, seed: u64, number: usize) -> Result<(), LoadError> {
    let mut client = Client::new(&shared.base_url)?;
    let mut random = Random::fork(seed, u64::try_from(number).unwrap_or(0));
    let mut settled: VecDeque<Operation> = VecDeque::with_capacity(REMEMBERED);
    let mut count = 0;
    while shared.gate.phase() == Phase::Driving {
        let repeats = !settled.is_empty() && random.chance(REPEAT_PER_MILLE);
        let operation = if repeats {
            shared.book().repeated += 1;
            random.pick(settled.make_contiguous()).clone()
        } else {
            count += 1;
            Operation::next(number, count, &mut random)
        };
        if !send_until_answered(shared, &mut client, &operation)? {
            break;
        }
        if !repeats {
            if settled.len() == REMEMBERED {
                settled.pop_front();
            }
            settled.push_back(operation);
        }
    }
    Ok(())
}

/// False when the run was abandoned before an answer came.
fn send_until_answered(shared: &Shared, client: &mut Client, operation: &Operation) -> Result<bool, LoadError> {
    loop {
        let life = shared.gate.life();
        let token = shared.token();
        match client.send(&operation.request(&shared.account, &token)) {
            Ok(reply) => {
                let verdict = shared.book().judge(operation, &reply);
                match verdict {
                    Verdict::Settled => return Ok(true),
                    Verdict::SendAgain => clock::pause(PAUSE_WHEN_REFUSED),
                    Verdict::LogInAgain => match shared.log_in_again(client, &token) {
                        Ok(()) => {}
                        Err(error) if error.is_connection() => shared.gate.wait_for_change(life),
                        Err(error) => return Err(error),
                    },
                }
            }
            Err(error) if error.is_connection() => {
                shared.book().retried += 1;
                shared.gate.wait_for_change(life);
            }
            Err(error) => return Err(error),
        }
        if shared.gate.phase() == Phase::Abandoned {
            return Ok(false);
        }
    }
}

/// Gives the wallet enough for every charge that follows.
pub(super) fn grant_first_credit(shared: &Shared, amount_micros: i64) -> Result<(), LoadError> {
    let mut client = Client::new(&shared.base_url)?;
    let money = Money { key: FIRST_CREDIT.to_owned(), kind: MoneyKind::Credit, amount_micros };
    send_until_answered(shared, &mut client, &Operation::Money(money)).map(drop)
}
