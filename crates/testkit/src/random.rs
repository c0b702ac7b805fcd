//! Randomness from a seed: the same seed gives the same bytes, and nothing here is a secret.

use std::sync::Mutex;

use engine::ports::Random;

/// SplitMix64: small, fast, good enough to make ids and to shuffle.
#[derive(Debug)]
pub struct SeededRandom {
    state: Mutex<u64>,
}

impl SeededRandom {
    pub fn new(seed: u64) -> SeededRandom {
        SeededRandom { state: Mutex::new(seed) }
    }

    /// From now on it gives what a new one of this seed gives.
    pub fn restart(&self, seed: u64) {
        *self.state.lock().expect("the random state is not poisoned") = seed;
    }

    pub fn next(&self) -> u64 {
        let mut state = self.state.lock().expect("the random state is not poisoned");
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound` - 1.
    pub fn below(&self, bound: u64) -> u64 {
        self.next() % bound
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_be_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}
