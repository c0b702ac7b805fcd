//! Kills a run at its failpoints, one after the other, repeats it with a new process, and compares what came of it with a run that nobody
//! disturbed. Which failpoints there are is what that run tells: a new one is covered without a word here.

use std::collections::BTreeMap;

use crate::node::{Ending, Orders, Stop};
use crate::outcome::{Outcome, Pdfs};
use crate::process::{Ended, Program};
use crate::template::Template;

/// What was found.
#[derive(Debug)]
pub struct CrashReport {
    /// The run that nobody disturbed.
    pub undisturbed: Outcome,
    pub failpoints: usize,
    pub kills: usize,
    /// What a kill changed, with the failpoint.
    pub differences: Vec<(Stop, Vec<String>)>,
}

/// Which kills are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kills {
    /// At each failpoint the first, a middle and the last time.
    All,
    /// One of so many of these, another choice for each seed.
    OneOf { count: usize, seed: usize },
}

/// How much of a difference is shown while it goes on.
const SHOWN_MAX: usize = 8;

/// Kills and compares.
pub fn crash(
    program: &Program,
    template: &Template,
    kills: Kills,
    pdfs: Pdfs,
    mut progress: impl FnMut(&str),
) -> CrashReport {
    let orders = |database: &str, stop| Orders {
        database: database.to_owned(),
        project: template.project,
        stop,
        threads: 1,
        pdfs,
    };
    let copy = template.copy();
    let told = program.finish(&orders(&copy.address, None));
    drop(copy);
    let all = stops(&told.hits);
    let chosen: Vec<Stop> = match kills {
        Kills::All => all,
        Kills::OneOf { count, seed } => all
            .into_iter()
            .enumerate()
            .filter(|(place, _)| place % count == seed % count)
            .map(|(_, stop)| stop)
            .collect(),
    };
    let mut report =
        CrashReport { undisturbed: told.outcome, failpoints: told.hits.len(), kills: 0, differences: Vec::new() };
    for stop in &chosen {
        let copy = template.copy();
        let ended = program.run(&orders(&copy.address, Some(stop.clone())));
        assert_eq!(ended, Ended::Killed, "it was to die at {stop:?}");
        let repeated = program.finish(&orders(&copy.address, None)).outcome;
        report.kills += 1;
        let difference = report.undisturbed.difference(&repeated);
        let verdict = if difference.is_empty() { "identical" } else { "DIFFERENT" };
        progress(&format!("{} of {}: {} #{}: {verdict}", report.kills, chosen.len(), stop.point, stop.hit));
        if !difference.is_empty() {
            difference.iter().take(SHOWN_MAX).for_each(|line| progress(line));
            report.differences.push((stop.clone(), difference));
        }
    }
    report
}

/// The first, a middle and the last time of each failpoint.
fn stops(hits: &BTreeMap<String, u64>) -> Vec<Stop> {
    let mut stops = Vec::new();
    for (point, count) in hits {
        let mut times = vec![1, count.div_ceil(2), *count];
        times.dedup();
        stops.extend(times.into_iter().map(|hit| Stop { point: point.clone(), hit, how: Ending::Dies }));
    }
    stops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failpoint_is_tried_the_first_a_middle_and_the_last_time() {
        let hits = [("a".to_owned(), 1), ("b".to_owned(), 2), ("c".to_owned(), 9)].into();
        let times: Vec<(String, u64)> = stops(&hits).into_iter().map(|stop| (stop.point, stop.hit)).collect();
        let expected = [("a", 1), ("b", 1), ("b", 2), ("c", 1), ("c", 5), ("c", 9)];
        assert_eq!(times, expected.map(|(point, hit)| (point.to_owned(), hit)));
    }
}
