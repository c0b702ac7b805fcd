//! Two things at once: what a chunk stores, and what is read beside it for the next one.

use std::panic::resume_unwind;

/// Does one thing on this thread and another one beside it; answers when both are done. What panics beside panics here.
pub(crate) fn beside<H, B: Send>(here: impl FnOnce() -> H, beside: impl FnOnce() -> B + Send) -> (H, B) {
    std::thread::scope(|scope| {
        let beside = scope.spawn(beside);
        let here = here();
        (here, beside.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn each_goes_on_while_the_other_waits() {
        let both_are_there = Barrier::new(2);
        let (here, beside) = beside(|| both_are_there.wait().is_leader(), || both_are_there.wait().is_leader());
        assert_ne!(here, beside);
    }

    #[test]
    #[should_panic(expected = "as it was")]
    fn what_panics_beside_panics_here() {
        beside(|| (), || panic!("as it was"));
    }
}
