//! Rate limits per project, access key and user. Each node counts for itself: two nodes let through twice as much.

use std::num::NonZeroU32;

use domain::ids::{AccessKeyId, ProjectId, UserId};
use domain::refusal::{Code, Refusal};
use engine::Actor;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::failure::Failure;
use crate::guard::Passed;
use crate::settings::{Rate, Rates};

/// Counters that forget those who were quiet for a while once there are more than this many.
const SUBJECTS_MAX: usize = 100_000;

pub(crate) struct RateLimits {
    projects: DefaultKeyedRateLimiter<ProjectId>,
    keys: DefaultKeyedRateLimiter<AccessKeyId>,
    users: DefaultKeyedRateLimiter<UserId>,
    clock: DefaultClock,
}

impl RateLimits {
    pub(crate) fn new(rates: &Rates) -> RateLimits {
        RateLimits {
            projects: RateLimiter::keyed(quota(rates.per_project)),
            keys: RateLimiter::keyed(quota(rates.per_key)),
            users: RateLimiter::keyed(quota(rates.per_user)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts one request against whoever the guard let through. A project's people are not held back by its machines.
    ///
    /// # Errors
    /// [`Code::RateLimited`] with the time to wait.
    pub(crate) fn check(&self, passed: &Passed) -> Result<(), Failure> {
        let (actor, project) = match passed {
            Passed::Caller(caller) => (&caller.actor, None),
            Passed::Project(ctx) => (&ctx.caller.actor, Some(ctx.project)),
        };
        match actor {
            Actor::User { id, .. } => self.one(&self.users, id, "This user sends"),
            Actor::AccessKey { id, .. } => {
                self.one(&self.keys, id, "This access key sends")?;
                match project {
                    Some(project) => self.one(&self.projects, &project, "The access keys of this project send"),
                    None => Ok(()),
                }
            }
            Actor::Anonymous | Actor::System { .. } => Ok(()),
        }
    }

    fn one<K: std::hash::Hash + Eq + Clone>(
        &self,
        limiter: &DefaultKeyedRateLimiter<K>,
        subject: &K,
        who: &str,
    ) -> Result<(), Failure> {
        if limiter.len() > SUBJECTS_MAX {
            limiter.retain_recent();
        }
        let Err(not_until) = limiter.check_key(subject) else {
            return Ok(());
        };
        let wait = not_until.wait_time_from(self.clock.now());
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        metrics::counter!("neruba_http_rate_limited_total").increment(1);
        let detail =
            format!("{who} more requests than allowed. Wait {seconds} seconds, then send the same request again.");
        Err(Failure::retry_after(Refusal::new(Code::RateLimited, detail), seconds))
    }
}

fn quota(rate: Rate) -> Quota {
    let count = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(count(rate.per_second)).allow_burst(count(rate.burst))
}
