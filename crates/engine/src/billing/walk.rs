//! Billing some customers along their calendar, in a transaction that is undone: what would be on their drafts, made by the code that
//! makes them.

use std::collections::BTreeSet;

use domain::charges::charge::Charge;
use domain::ids::CustomerId;
use domain::time::Instant;
use domain::window::Span;
use storage::ProjectTx;
use storage::subscription_schedules::{self, SubscriptionSchedule};

use super::decide::{Again, Issued, Purpose, decide};
use super::forecast::{at, rehearsal};
use super::load::batch;
use super::save::save;
use crate::ctx::Ctx;
use crate::error::Error;

/// The most subscriptions that are decided about together.
const TOGETHER_MAX: usize = 200;

/// The subscriptions of some customers, and how far each is billed.
pub(crate) struct Walk<'a> {
    ctx: &'a Ctx,
    schedules: Vec<SubscriptionSchedule>,
}

impl<'a> Walk<'a> {
    pub fn of(tx: &mut ProjectTx<'_>, ctx: &'a Ctx, customers: &BTreeSet<CustomerId>) -> Result<Walk<'a>, Error> {
        let mut schedules = Vec::new();
        for customer in customers {
            schedules.extend(subscription_schedules::of_customer(tx, *customer)?);
        }
        Ok(Walk { ctx, schedules })
    }

    /// When something of them is due next.
    pub fn next_due(&self) -> Option<Instant> {
        self.schedules.iter().filter_map(|schedule| schedule.next_due_at).min()
    }

    /// When each of them was due once more.
    pub fn last_due(&self) -> Option<Instant> {
        self.schedules.iter().filter_map(|schedule| schedule.next_due_at).max()
    }

    /// Bills what is due until an instant; answers what is charged. Levels stand until now at most.
    pub fn bill_until(&mut self, tx: &mut ProjectTx<'_>, as_of: Instant) -> Result<Vec<Charge>, Error> {
        let is_due = |schedule: &SubscriptionSchedule| schedule.next_due_at.is_some_and(|due| due <= as_of);
        let purpose = Purpose { as_of, now: as_of.min(self.ctx.now()), again: None, run: None, is_forecast: true };
        self.bill(tx, is_due, purpose)
    }

    /// Looks again at everything of this time that is on no issued invoice.
    pub fn look_again(&mut self, tx: &mut ProjectTx<'_>, time: Span) -> Result<(), Error> {
        let now = self.ctx.now();
        let again = Some(Again { time, issued: Issued::Keep });
        self.bill(tx, |_| true, Purpose { as_of: now, now, again, run: None, is_forecast: true })?;
        Ok(())
    }

    fn bill(
        &mut self,
        tx: &mut ProjectTx<'_>,
        is_meant: impl Fn(&SubscriptionSchedule) -> bool,
        purpose: Purpose,
    ) -> Result<Vec<Charge>, Error> {
        let run = rehearsal(purpose.as_of);
        let purpose = Purpose { run: Some(run.id), ..purpose };
        let ctx = at(self.ctx, purpose.as_of);
        let mut charged = Vec::new();
        let mut meant: Vec<&mut SubscriptionSchedule> =
            self.schedules.iter_mut().filter(|schedule| is_meant(schedule)).collect();
        for chunk in meant.chunks_mut(TOGETHER_MAX) {
            let read: Vec<SubscriptionSchedule> = chunk.iter().map(|schedule| **schedule).collect();
            let batch = batch(tx, &read)?;
            let decisions = decide(tx, &batch, purpose)?;
            save(tx, &ctx, &batch, &decisions, &run)?;
            for decision in decisions {
                let own = chunk.iter_mut().find(|schedule| schedule.subscription == decision.after.subscription);
                if let Some(own) = own {
                    **own = decision.after;
                }
                charged.extend(decision.charges.into_iter().map(|new| new.charge));
            }
        }
        Ok(charged)
    }
}
