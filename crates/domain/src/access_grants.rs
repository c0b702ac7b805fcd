//! Access grants: a platform admin's time-limited, reasoned look into one project.

use std::time::Duration;

use crate::ids::{AccessGrantId, ProjectId, UserId};
use crate::refusal::{Code, Refusal};
use crate::time::Instant;

/// Longest time a grant may be open, in minutes: one working day.
pub const MINUTES_MAX: u32 = 480;

/// A platform admin's look into one project.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessGrant {
    pub id: AccessGrantId,
    pub project_id: ProjectId,
    /// The platform admin who may look.
    pub user_id: UserId,
    pub reason: String,
    pub created_at: Instant,
    /// The first moment at which the grant does not work any more.
    pub expires_at: Instant,
    /// When it was closed before its time.
    pub closed_at: Option<Instant>,
}

impl AccessGrant {
    /// Whether this user may look at this moment.
    pub fn is_open_for(&self, user: UserId, now: Instant) -> bool {
        self.user_id == user && self.closed_at.is_none() && now < self.expires_at
    }
}

/// The length of a grant, from whole minutes.
///
/// # Errors
/// [`Code::OutOfRange`] for none, and for more than 480.
pub fn lifetime(field: &str, minutes: u32) -> Result<Duration, Refusal> {
    if (1..=MINUTES_MAX).contains(&minutes) {
        Ok(Duration::from_secs(u64::from(minutes) * 60))
    } else {
        Err(Refusal::field(Code::OutOfRange, field, format!("must be from 1 to {MINUTES_MAX} minutes.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(0)]
    #[case(481)]
    #[case(u32::MAX)]
    fn a_grant_without_end_is_refused(#[case] minutes: u32) {
        assert_eq!(lifetime("expiresInMinutes", minutes).unwrap_err().code, Code::OutOfRange);
    }

    #[test]
    fn the_longest_grant_is_eight_hours() {
        assert_eq!(lifetime("expiresInMinutes", 480), Ok(Duration::from_secs(8 * 60 * 60)));
    }
}
