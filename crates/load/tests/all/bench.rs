//! Figures of the benchmark: percentiles, medians, ratios, and when a run counts.

use load::bench::{Check, Latency, Ratios, median, percentile};

#[test]
fn a_percentile_is_a_measured_value_by_nearest_rank() {
    let sorted: Vec<u64> = (1..=200).collect();
    assert_eq!([1, 50, 99, 100].map(|percent| percentile(&sorted, percent)), [2, 100, 198, 200]);
    assert_eq!(percentile(&[7], 50), 7);
    assert_eq!(percentile(&[], 99), 0);
}

#[test]
fn latency_does_not_depend_on_the_order_of_samples() {
    let latency = Latency::of(&[50, 10, 40, 20, 30]);
    assert_eq!((latency.p50_micros, latency.p99_micros, latency.max_micros), (30, 50, 50));
}

#[test]
fn the_median_takes_the_lower_of_two_middle_values() {
    assert_eq!(median(&[9, 1, 5]), 5);
    assert_eq!(median(&[9, 1, 5, 3]), 3);
}

#[test]
fn a_ratio_compares_rounds_with_each_other() {
    // The machine halves its speed in the second round: the ratio does not notice.
    let ratios = Ratios::new(&[40_000, 20_000, 44_000], &[9_000, 4_500, 9_000], &[2_000, 1_000, 2_000]);
    assert_eq!((ratios.batches_to_baseline, ratios.singles_to_baseline), (20.0, 4.5));
}

#[test]
fn a_run_counts_only_if_everything_acknowledged_is_stored_and_repeats_are_replays() {
    let good = Check { acknowledged: 10, stored: Some(10), repeated: 3, replayed: Some(3) };
    assert!(good.holds());
    assert!(!Check { stored: Some(9), ..good }.holds());
    assert!(!Check { stored: None, ..good }.holds());
    assert!(!Check { replayed: Some(0), ..good }.holds());
}
