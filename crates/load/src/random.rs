//! A small seeded generator (splitmix64, Steele/Lea/Flood 2014), so that every run can be repeated from its printed seed.

#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    /// An independent stream for one thread or one purpose of the same run.
    pub(crate) fn fork(seed: u64, stream: u64) -> Random {
        let mut mix = Random::new(seed ^ stream.wrapping_mul(0xa076_1d64_78bd_642f));
        Random::new(mix.next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        assert!(low <= high, "an empty range has no number");
        let span = u128::from(high - low) + 1;
        let scaled = (u128::from(self.next()) * span) >> 64;
        // Cannot fail: `scaled` is below `span`, which is at most 2^64, so it fits.
        low + u64::try_from(scaled).expect("scaled is below the span")
    }

    /// True in `per_mille` of 1,000 cases.
    pub(crate) fn chance(&mut self, per_mille: u64) -> bool {
        self.between(1, 1_000) <= per_mille
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        assert!(!items.is_empty(), "nothing to pick from");
        let last = u64::try_from(items.len() - 1).unwrap_or(u64::MAX);
        let index = usize::try_from(self.between(0, last)).unwrap_or(0);
        &items[index]
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_same_seed_gives_the_published_sequence() {
        // The first values of splitmix64 for seed 1234567, as published with the reference implementation.
        let mut random = Random::new(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_range_includes_both_ends_and_nothing_else() {
        let mut random = Random::new(7);
        let mut seen = [false; 3];
        for _ in 0..200 {
            let value = random.between(20, 22);
            assert!((20..=22).contains(&value));
            seen[usize::try_from(value - 20).unwrap()] = true;
        }
        assert_eq!(seen, [true; 3]);
    }

    #[test]
    fn streams_of_one_seed_differ() {
        assert_ne!(Random::fork(1, 1).next(), Random::fork(1, 2).next());
        assert_eq!(Random::fork(1, 2).next(), Random::fork(1, 2).next());
    }
}
