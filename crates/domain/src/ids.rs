//! Identifiers: UUIDv7 inside, a type prefix and 26 characters of Crockford base32 outside (`prj_01k2…`).

use std::fmt;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::time::Instant;

/// Lower-case Crockford base32: no `i`, `l`, `o`, `u`, so that an id survives being read aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TEXT_LENGTH: usize = 26;

/// A text that is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not an id of the form \"{prefix}_\" followed by {TEXT_LENGTH} letters and digits")]
pub struct IdError {
    pub prefix: &'static str,
}

/// What all ids have in common, for code that makes or stores them.
pub trait TypedId: Copy {
    fn from_uuid(id: Uuid) -> Self;
    fn uuid(self) -> Uuid;
}

fn encode(id: Uuid, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let bits = id.as_u128();
    for position in (0..TEXT_LENGTH).rev() {
        let digit = usize::try_from((bits >> (5 * position)) & 31).map_err(|_| fmt::Error)?;
        fmt::Write::write_char(out, char::from(ALPHABET[digit]))?;
    }
    Ok(())
}

fn decode(text: &str) -> Option<Uuid> {
    // 26 digits hold 130 bits: the first one may use three bits only.
    if text.len() != TEXT_LENGTH || text.as_bytes()[0] > b'7' {
        return None;
    }
    let mut bits: u128 = 0;
    for byte in text.bytes() {
        let digit = ALPHABET.iter().position(|candidate| *candidate == byte)?;
        bits = (bits << 5) | u128::try_from(digit).ok()?;
    }
    Some(Uuid::from_u128(bits))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
        #[schema(value_type = String)]
        pub struct $name(Uuid);

        impl $name {
            /// What the text form begins with, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl TypedId for $name {
            fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(concat!($prefix, "_"))?;
                encode(self.0, out)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or(IdError { prefix: $prefix })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A tenant and the boundary of everything.
    ProjectId = "prj";
    /// A person who logs in.
    UserId = "usr";
    /// One login of a user, with its chain of refresh tokens.
    SessionId = "ses";
    /// A machine credential of one project.
    AccessKeyId = "key";
    /// A platform admin's time-limited look into one project.
    AccessGrantId = "grt";
    /// Who is billed.
    CustomerId = "cus";
    /// What is measured.
    MetricId = "mtr";
    /// What customers subscribe to, in versions.
    PlanId = "pln";
    /// One immutable measurement.
    EventId = "evt";
    /// The usage events of one project that were committed together.
    BatchId = "bat";
    /// A refused payload kept for people to see.
    RejectionId = "rej";
    /// One ingest request that stored nothing new.
    AttemptId = "att";
    /// A journal entry, which a customer sees as a transaction.
    EntryId = "txn";
    /// One close of the books.
    ClosingId = "cls";
    /// An account of the ledger.
    AccountId = "acc";
    /// One grant of credit, drawn down by charges.
    LotId = "lot";
    /// Who pays for which plan, from when on.
    SubscriptionId = "sub";
    /// One dated change of a subscription.
    SubscriptionChangeId = "sch";
    /// What is planned to be billed at once: a part of a period of one price.
    BillingItemId = "bit";
    /// Everything that was due at one time, planned, charged and issued.
    BillingRunId = "run";
    /// One rated price for one part of a period.
    ChargeId = "chg";
    /// A bill: a draft first, then issued and never changed.
    InvoiceId = "inv";
    /// Something that was paid on an invoice.
    InvoicePaymentId = "pay";
    /// What takes an issued invoice back, in part or whole.
    CreditNoteId = "crn";
    /// What a line of an invoice deferred, or what a credit note took back of it.
    DeferralId = "dfr";
    /// A correction of usage events that were accepted.
    UsageCorrectionId = "ucr";
    /// What late usage means for one invoice.
    LateUsageId = "lat";
    /// One audited action.
    AuditId = "aud";
    /// One announced change, delivered by webhooks later.
    OutboxId = "msg";
    /// Work in chunks.
    JobId = "job";
    /// Past usage rated under another plan version.
    BacktestId = "bkt";
    /// One request, in replies and logs.
    RequestId = "req";
}

/// The id of something that billing makes: from what it is, not from when or where it was made. It sorts by `at` as other ids sort by
/// their time; the rest of its 74 bits are of the SHA-256 of project, kind and name.
pub fn derived(at: Instant, project: ProjectId, kind: &str, name: &str) -> Uuid {
    let mut hash = Sha256::new();
    for part in [project.uuid().as_bytes().as_slice(), kind.as_bytes(), b"/", name.as_bytes()] {
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut tail = [0; 16];
    tail.copy_from_slice(&digest[..16]);
    let tail = u128::from_be_bytes(tail);
    let millis = u128::from(at.micros().div_euclid(1_000).max(0).unsigned_abs()) & 0xffff_ffff_ffff;
    // RFC 9562, section 5.7: 48 bits of milliseconds, version 7, 12 bits, variant 0b10, 62 bits.
    let high = (tail >> 116) << 64;
    let low = tail & 0x3fff_ffff_ffff_ffff;
    Uuid::from_u128((millis << 80) | (7 << 76) | high | (0b10 << 62) | low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let customer = CustomerId::from_uuid(Uuid::from_u128(7));
        assert!(customer.to_string().parse::<ProjectId>().is_err());
    }

    #[test]
    fn a_text_that_would_overflow_128_bits_is_refused() {
        assert!("prj_8zzzzzzzzzzzzzzzzzzzzzzzzz".parse::<ProjectId>().is_err());
        assert!("prj_7zzzzzzzzzzzzzzzzzzzzzzzzz".parse::<ProjectId>().is_ok());
    }

    #[test]
    fn ids_sort_as_their_text_does() {
        let (early, late) =
            (EventId::from_uuid(Uuid::from_u128(1 << 80)), EventId::from_uuid(Uuid::from_u128(1 << 81)));
        assert!(early.to_string() < late.to_string());
    }

    #[test]
    fn a_derived_id_carries_time_and_version_and_is_another_for_another_name() {
        let at = Instant::parse("2026-03-17T10:15:00.123Z").unwrap();
        let project = ProjectId::from_uuid(Uuid::from_u128(7));
        let id = derived(at, project, "invoice", "a");
        let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
        assert_eq!((seconds, nanos), (1_773_742_500, 123_000_000));
        assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
        assert_eq!(id, derived(at, project, "invoice", "a"));
        assert_ne!(id, derived(at, project, "invoice", "b"));
        assert_ne!(id, derived(at, project, "charge", "a"));
    }

    proptest! {
        #[test]
        fn every_id_survives_its_text_form(bits in any::<u128>()) {
            let id = ProjectId::from_uuid(Uuid::from_u128(bits));
            prop_assert_eq!(id.to_string().parse::<ProjectId>(), Ok(id));
        }
    }
}
