//! What became of an attempt to charge, counted and kept. An accepted charge counts itself, in its own transaction.

use domain::idempotency::IdempotencyKey;
use domain::ingest::charge::ChargeItem;
use domain::ingest::{Operation, Outcome};
use domain::refusal::{Code, Refusal};

use crate::command::Answer;
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::ingest::record::{self, Refused};

/// The outcome of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attempt {
    Accepted,
    Replayed,
    Refused(Outcome, Refusal),
}

/// The outcome of an attempt; `None` when it failed on our side and will come again.
pub(super) fn of(result: &Result<Answer, Error>, refused_for_good: Option<Refusal>) -> Option<Attempt> {
    match (result, refused_for_good) {
        (Ok(answer), _) if answer.replayed => Some(Attempt::Replayed),
        (Ok(_), Some(refusal)) => Some(Attempt::Refused(Outcome::Failed, refusal)),
        (Ok(_), None) => Some(Attempt::Accepted),
        (Err(Error::Refused(refusal) | Error::RefusedForGood(refusal)), _) => {
            let is_conflict = refusal.code == Code::IdempotencyConflict;
            let outcome = if is_conflict { Outcome::Conflict } else { Outcome::Failed };
            Some(Attempt::Refused(outcome, refusal.clone()))
        }
        (Err(Error::Overloaded { .. } | Error::Storage(_) | Error::Bug(_)), _) => None,
    }
}

impl Attempt {
    pub(super) const fn outcome(&self) -> Outcome {
        match self {
            Attempt::Accepted => Outcome::Accepted,
            Attempt::Replayed => Outcome::Replay,
            Attempt::Refused(outcome, _) => *outcome,
        }
    }
}

impl Engine {
    /// Counts an attempt in a transaction of its own, and keeps what was refused.
    pub(super) fn record_attempt(&self, ctx: &Ctx, item: &ChargeItem, attempt: &Attempt) -> Result<(), Error> {
        if *attempt == Attempt::Accepted {
            return Ok(());
        }
        let key = item.key.as_ref().map(IdempotencyKey::as_str);
        self.db().write("record_charge_attempt", ctx.project, |tx| -> Result<(), Error> {
            match attempt {
                Attempt::Accepted => Ok(()),
                Attempt::Replayed => {
                    let key = key.ok_or_else(|| Error::Bug("a charge was replayed without a key".to_owned()))?;
                    Ok(record::replayed(tx, ctx, Operation::Charge, key)?)
                }
                Attempt::Refused(outcome, refusal) => {
                    let refused = Refused { refusal, key, payload: &item.payload };
                    Ok(record::rejected(tx, ctx, Operation::Charge, *outcome, &refused)?)
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, replayed: bool) -> Result<Answer, Error> {
        Ok(Answer { status, body: String::new(), replayed })
    }

    #[test]
    fn each_attempt_has_one_outcome() {
        // checklist 28
        let refusal = |code| Refusal::new(code, "no");
        let outcome = |result, refused| of(&result, refused).map(|attempt| attempt.outcome());
        assert_eq!(outcome(answer(201, false), None), Some(Outcome::Accepted));
        assert_eq!(outcome(answer(201, true), None), Some(Outcome::Replay));
        assert_eq!(outcome(answer(402, true), None), Some(Outcome::Replay));
        let insufficient = Some(refusal(Code::InsufficientCredit));
        assert_eq!(outcome(answer(402, false), insufficient), Some(Outcome::Failed));
        let conflict = Err(refusal(Code::IdempotencyConflict).into());
        assert_eq!(outcome(conflict, None), Some(Outcome::Conflict));
        assert_eq!(outcome(Err(refusal(Code::TooPrecise).into()), None), Some(Outcome::Failed));
        assert_eq!(outcome(Err(Error::Bug("x".to_owned())), None), None);
    }
}
