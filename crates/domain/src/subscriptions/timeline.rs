//! The timeline: the fold of all changes. From each of its points on, the subscription is in one state and one phase.

use jiff::tz::TimeZone;

use crate::named::named;
use crate::refusal::{Code, Refusal};
use crate::subscriptions::change::{Change, ChangeKind, SubscriptionChange};
use crate::subscriptions::state::{Phase, State};
use crate::time::Instant;
use crate::window::{Span, zone};

named! {
    /// What makes a new point of a timeline, or a new line of a bill.
    Cause {
        /// A billing period begins; nothing changed.
        PeriodBegan = "periodBegan",
        /// Terms of the catalog came into force.
        TermsChanged = "termsChanged",
        TrialEnded = "trialEnded",
        Created = "created",
        PlanChanged = "planChanged",
        QuantityChanged = "quantityChanged",
        AddOnAdded = "addOnAdded",
        AddOnRemoved = "addOnRemoved",
        Paused = "paused",
        Resumed = "resumed",
        Cancelled = "cancelled",
        Uncancelled = "uncancelled",
        Overridden = "overridden",
        TrialExtended = "trialExtended",
        CouponRedeemed = "couponRedeemed",
    }
}

/// From `at` on, up to the next point, the subscription is in this state and phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    pub at: Instant,
    pub state: State,
    pub phase: Phase,
    /// What happened at this instant, in its order.
    pub causes: Vec<Cause>,
}

/// All points in order, at least one, no two at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    points: Vec<Point>,
}

impl Timeline {
    /// Folds changes that are in the order of effect. What happens at one instant makes one point: only its result was ever in force.
    ///
    /// # Errors
    /// The refusal of the first change that is not possible, and that change. [`Code::BeforeStart`] for one that comes before `created`.
    pub fn fold<'c>(
        changes: impl IntoIterator<Item = &'c SubscriptionChange>,
    ) -> Result<Timeline, (&'c SubscriptionChange, Refusal)> {
        let mut points: Vec<Point> = Vec::new();
        for change in changes {
            let at = change.effective_at;
            end_trial(&mut points, Some(at));
            let state = match (points.last(), &change.change) {
                (None, Change::Created(created)) => Ok(State::created(created, at)),
                (None, _) => Err(Refusal::new(Code::BeforeStart, format!("At {at} the subscription has not begun."))),
                (Some(last), change) => last.state.after(change, at),
            };
            let state = state.map_err(|refusal| (change, refusal))?;
            let cause = Cause::of(change.change.kind());
            let phase = state.phase(at);
            match points.last_mut().filter(|last| last.at == at) {
                Some(last) => {
                    (last.state, last.phase) = (state, phase);
                    last.causes.push(cause);
                }
                None => points.push(Point { at, state, phase, causes: vec![cause] }),
            }
        }
        end_trial(&mut points, None);
        Ok(Timeline { points })
    }

    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Each point with the state before it.
    pub fn steps(&self) -> impl Iterator<Item = (Option<&State>, &Point)> {
        let before = std::iter::once(None).chain(self.points.iter().map(|point| Some(&point.state)));
        before.zip(&self.points)
    }

    /// The point that is in force at an instant; `None` before the subscription began.
    pub fn at(&self, at: Instant) -> Option<&Point> {
        let after = self.points.partition_point(|point| point.at <= at);
        self.points[..after].last()
    }

    /// When it began.
    pub fn started_at(&self) -> Instant {
        self.first().at
    }

    /// When it ends for good, as far as is known.
    pub fn ended_at(&self) -> Option<Instant> {
        // Cannot fail: a timeline has a point.
        self.points.last().expect("a timeline begins").state.ended_at
    }

    /// When paid time begins for the first time, as far as is known; at the end of the trial also if it is paused then.
    pub fn paid_from(&self) -> Instant {
        let trial_ended = self.points.iter().find(|point| point.at >= point.state.paid_from());
        // A trial that is not over at the last point ends after it.
        trial_ended.or(self.points.last()).map_or(self.started_at(), |point| point.state.paid_from())
    }

    /// The zone in which its periods run.
    pub fn zone(&self) -> TimeZone {
        zone(&self.first().state.zone)
    }

    /// The points in force in a span, each with the part of the span in which it is; the time before the beginning is `None`.
    pub fn within(&self, span: Span) -> Vec<(Span, Option<&Point>)> {
        let before = std::iter::once((None, span.start));
        let starts = before.chain(self.points.iter().map(|point| (Some(point), point.at)));
        let ends = self.points.iter().map(|point| point.at).chain([span.end]);
        let parts = starts.zip(ends).map(|((point, start), end)| {
            let start = start.max(span.start);
            (Span { start, end: end.min(span.end) }, point)
        });
        parts.filter(|(part, _)| part.start < part.end).collect()
    }

    fn first(&self) -> &Point {
        // Cannot fail: the first change makes the first point, and a history begins with it.
        self.points.first().expect("a timeline begins")
    }
}

impl Cause {
    /// What a change of this kind is as a cause.
    pub const fn of(kind: ChangeKind) -> Cause {
        match kind {
            ChangeKind::Created => Cause::Created,
            ChangeKind::PlanChanged => Cause::PlanChanged,
            ChangeKind::QuantityChanged => Cause::QuantityChanged,
            ChangeKind::AddOnAdded => Cause::AddOnAdded,
            ChangeKind::AddOnRemoved => Cause::AddOnRemoved,
            ChangeKind::Paused => Cause::Paused,
            ChangeKind::Resumed => Cause::Resumed,
            ChangeKind::Cancelled => Cause::Cancelled,
            ChangeKind::Uncancelled => Cause::Uncancelled,
            ChangeKind::Overridden => Cause::Overridden,
            ChangeKind::TrialExtended => Cause::TrialExtended,
            ChangeKind::CouponRedeemed => Cause::CouponRedeemed,
        }
    }
}

/// Adds the point at which the trial of the last state ends, if that is at or before `until`. The end of a trial is no change: it comes
/// with time, before what happens at the same instant.
fn end_trial(points: &mut Vec<Point>, until: Option<Instant>) {
    let Some(last) = points.last() else { return };
    let Some(end) = last.state.trial_ends_at else { return };
    let lies_ahead = last.at < end && until.is_none_or(|until| end <= until);
    if lies_ahead && last.phase != Phase::Ended {
        let state = last.state.clone();
        points.push(Point { at: end, phase: state.phase(end), state, causes: vec![Cause::TrialEnded] });
    }
}

#[cfg(test)]
mod tests;
