//! Time-ordered idempotency keys (UUIDv7, RFC 9562): neighbours in time are neighbours in the index, which keeps ingest fast.

use uuid::Uuid;

use crate::random::Random;

/// Length of a key's text.
pub(crate) const KEY_LENGTH: usize = 36;

/// Makes strictly increasing keys; the caller gives the time, so a seeded run makes the same keys again.
#[derive(Debug)]
pub(crate) struct KeyMint {
    random: Random,
    millis: u64,
    counter: u16,
}

impl KeyMint {
    pub(crate) fn new(random: Random) -> KeyMint {
        KeyMint { random, millis: 0, counter: 0 }
    }

    /// A key for an event at `millis` (Unix time); never smaller than the key before it.
    pub(crate) fn next(&mut self, millis: u64) -> Uuid {
        if millis > self.millis {
            self.millis = millis;
            self.counter = 0;
        } else if self.counter == 0x0fff {
            self.millis += 1;
            self.counter = 0;
        } else {
            self.counter += 1;
        }
        let counter = self.counter.to_be_bytes();
        let random = self.random.next().to_be_bytes();
        let mut tail = [0; 10];
        tail[..2].copy_from_slice(&counter);
        tail[2..].copy_from_slice(&random);
        uuid::Builder::from_unix_timestamp_millis(self.millis, &tail).into_uuid()
    }

    /// Writes the next key's text over `place`, which must be [`KEY_LENGTH`] bytes long.
    pub(crate) fn write_next(&mut self, millis: u64, place: &mut [u8]) {
        self.next(millis).hyphenated().encode_lower(place);
    }
}

#[cfg(test)]
mod tests {
    use super::{KEY_LENGTH, KeyMint};
    use crate::random::Random;

    #[test]
    fn keys_increase_even_within_one_millisecond_and_when_the_clock_steps_back() {
        let mut mint = KeyMint::new(Random::new(1));
        let mut last = String::new();
        for step in 0..10_000_u64 {
            let millis = if step == 5_000 { 1_700_000_000_000 } else { 1_700_000_000_500 };
            let key = mint.next(millis).to_string();
            assert!(key > last, "{key} follows {last}");
            assert_eq!(key.len(), KEY_LENGTH);
            last = key;
        }
    }

    #[test]
    fn a_key_written_in_place_is_the_uuid_text() {
        let mut place = [b'x'; KEY_LENGTH];
        KeyMint::new(Random::new(9)).write_next(1_700_000_000_000, &mut place);
        let expected = KeyMint::new(Random::new(9)).next(1_700_000_000_000).to_string();
        assert_eq!(std::str::from_utf8(&place).unwrap(), expected);
    }
}
