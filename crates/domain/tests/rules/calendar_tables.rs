//! Billing periods against `scripts/oracle/calendar_tables.py`: anchors 28 to 31, leap days, changes of clocks in 30 zones. // promise P23

use domain::calendar::{Anchor, Interval, IntervalUnit, Schedule};
use domain::window::zone;

#[derive(serde::Deserialize)]
struct Line {
    zone: String,
    anchor: String,
    unit: IntervalUnit,
    every: u16,
    first: i64,
    starts: Vec<i64>,
}

#[test]
fn every_period_begins_where_the_oracle_says() {
    // checklist 49
    let lines: Vec<Line> =
        include_str!("../data/calendar_tables.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().map(|line| &line.zone).collect::<std::collections::BTreeSet<_>>().len() >= 20);
    for line in &lines {
        let anchor = Anchor::at(line.anchor.parse().unwrap());
        let interval = Interval { unit: line.unit, every: line.every };
        let schedule = Schedule::new(anchor, interval, zone(&line.zone));
        for (number, start) in (line.first..).zip(&line.starts) {
            let period = schedule.period(number).unwrap();
            let place = format!("{} {} {:?} {number}", line.zone, line.anchor, interval);
            assert_eq!(period.start.micros(), start * 1_000_000, "{place}");
            if period.start < period.end {
                assert_eq!(schedule.number_at(period.start), Some(number), "{place}");
            }
        }
    }
}
