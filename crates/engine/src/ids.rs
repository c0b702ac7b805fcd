//! New ids: UUIDv7 from the operation's own time, increasing within one source and from one source to the next, so that
//! what is made together lies together and what is made later comes later, also within one millisecond.

use std::sync::Mutex;

use domain::ids::TypedId;
use domain::time::Instant;
use uuid::Uuid;

use crate::ports::Random;

/// Bits of a UUIDv7 that are not time, version or variant.
const TAIL_BITS: u32 = 74;

/// Bits of an id that count within one source. Sources of one millisecond begin further apart than any of them can count.
const COUNT_BITS: u32 = 32;

/// The sources of one engine, in the order in which they were made.
#[derive(Debug, Default)]
pub struct IdSeries {
    /// The millisecond of the newest source, and where it began.
    newest: Mutex<(u64, u128)>,
}

impl IdSeries {
    /// A source for an operation that happens at `now`. Its ids are greater than those of the sources made before it for
    /// the same millisecond.
    pub fn source(&self, now: Instant, random: &dyn Random) -> IdSource {
        let fresh = IdSource::new(now, random);
        // Cannot fail: nothing panics while the lock is held.
        let mut newest = self.newest.lock().expect("the series of ids is not poisoned");
        // Cannot fail: nobody else holds the fresh source.
        let mut tail = fresh.tail.lock().expect("the id source is not poisoned");
        if newest.0 == fresh.millis {
            let step = *tail & ((1 << COUNT_BITS) - 1);
            let next = newest.1 + (1 << COUNT_BITS) + step;
            // Two to the power of 73 at most at the start, and 2^33 per source of one millisecond: it never runs over.
            assert!(next >> TAIL_BITS == 0, "the ids of one millisecond do not run over into the time");
            *tail = next;
        }
        *newest = (fresh.millis, *tail);
        drop(tail);
        fresh
    }
}

/// Makes the ids of one operation. Ids of one source increase strictly.
#[derive(Debug)]
pub struct IdSource {
    millis: u64,
    tail: Mutex<u128>,
}

impl IdSource {
    /// A source for an operation that happens at `now`; times before 1970 count as 1970.
    pub fn new(now: Instant, random: &dyn Random) -> IdSource {
        let mut bytes = [0_u8; 16];
        random.fill(&mut bytes);
        // The top bit stays free: the count cannot run over into the time.
        let tail = u128::from_be_bytes(bytes) >> (128 - TAIL_BITS + 1);
        let millis = now.micros().div_euclid(1_000).max(0).unsigned_abs();
        IdSource { millis, tail: Mutex::new(tail) }
    }

    /// The next id, greater than all before it.
    pub fn next<T: TypedId>(&self) -> T {
        // Cannot fail: nothing panics while the lock is held.
        let mut tail = self.tail.lock().expect("the id source is not poisoned");
        *tail += 1;
        T::from_uuid(uuid_v7(self.millis, *tail))
    }
}

/// RFC 9562, section 5.7: 48 bits of milliseconds, version 7, 12 bits, variant 0b10, 62 bits.
fn uuid_v7(millis: u64, tail: u128) -> Uuid {
    let time = u128::from(millis & 0xffff_ffff_ffff) << 80;
    let high = ((tail >> 62) & 0xfff) << 64;
    let low = tail & 0x3fff_ffff_ffff_ffff;
    Uuid::from_u128(time | (7 << 76) | high | (0b10 << 62) | low)
}

#[cfg(test)]
mod tests {
    use domain::ids::EventId;

    use super::*;

    struct Ones;
    impl Random for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0xff);
        }
    }

    #[test]
    fn ids_of_one_source_increase_and_carry_time_and_version() {
        let now = Instant::parse("2026-03-17T10:15:00.123Z").unwrap();
        let source = IdSource::new(now, &Ones);
        let ids: Vec<EventId> = (0..10_000).map(|_| source.next()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        let (seconds, nanos) = ids[9_999].uuid().get_timestamp().unwrap().to_unix();
        assert_eq!((seconds, nanos), (1_773_742_500, 123_000_000));
        assert_eq!(ids[9_999].uuid().get_version_num(), 7);
        assert_eq!(ids[9_999].uuid().get_variant(), uuid::Variant::RFC4122);
    }

    #[test]
    fn sources_of_one_millisecond_follow_each_other() {
        let now = Instant::parse("2026-03-17T10:15:00.123Z").unwrap();
        let series = IdSeries::default();
        let mut ids: Vec<EventId> = Vec::new();
        for _ in 0..100 {
            let source = series.source(now, &Ones);
            ids.extend((0..10).map(|_| source.next::<EventId>()));
        }
        assert!(ids.is_sorted_by(|one, other| one < other));
    }
}
