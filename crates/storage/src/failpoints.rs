//! Places at which a test lets the process die or stand still: each step of each transaction that writes. They have no list: a new
//! transaction or statement has its own from the first day. Without the feature `failpoints` nothing of it is compiled.

/// What is about to happen, or has just happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The transaction is open and has done nothing.
    Begun,
    /// The statement runs next.
    Statement,
    /// The commit runs next.
    Commit,
    /// The commit was answered.
    Committed,
}

/// Without the feature there is nothing to reach.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub(crate) fn reach(_: Step, _: &'static str) {}

#[cfg(feature = "failpoints")]
pub(crate) use watched::reach;
#[cfg(feature = "failpoints")]
pub use watched::watch;

#[cfg(feature = "failpoints")]
mod watched {
    use std::sync::OnceLock;

    use super::Step;

    type Watcher = Box<dyn Fn(&str) + Send + Sync>;

    static WATCHER: OnceLock<Watcher> = OnceLock::new();

    /// From now on `watcher` is told of each failpoint that this process reaches, by name: `begun store_billing`,
    /// `statement insert_charges`, `commit store_billing`, `committed store_billing`.
    ///
    /// # Panics
    /// When somebody watches already.
    pub fn watch(watcher: impl Fn(&str) + Send + Sync + 'static) {
        assert!(WATCHER.set(Box::new(watcher)).is_ok(), "failpoints are watched once");
    }

    pub(crate) fn reach(step: Step, name: &'static str) {
        if let Some(watcher) = WATCHER.get() {
            let step = match step {
                Step::Begun => "begun",
                Step::Statement => "statement",
                Step::Commit => "commit",
                Step::Committed => "committed",
            };
            watcher(&format!("{step} {name}"));
        }
    }
}
