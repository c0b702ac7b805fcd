//! What counts after corrections, in every reader: totals, answers up to a cut, single events, levels, builds, previews.

use domain::catalog::metric::MetricDefinition;
use domain::ids::EventId;
use domain::ingest::UsageEvent;
use domain::ingest::correction::{Amendment, EventChange};
use domain::quantity::Quantity;
use domain::time::Instant;
use engine::ingest::events_of_metric::EventsFilter;
use engine::jobs::Chunk;
use engine::usage_corrections::ProposedItem;
use serde_json::json;

use super::{amend, apply, propose, reason, void};
use crate::metering::cut::{ask, recount};
use crate::metering::naive;
use crate::metering::rows::{change, claim};
use crate::metering::totals::{check_all, prepare};
use crate::world::{World, on_both};

fn pick(world: &World, below: usize) -> usize {
    usize::try_from(world.random.below(u64::try_from(below).unwrap())).unwrap()
}

/// A correction of some events, of every kind: out of the count, into another slice or day, other units, other properties.
fn some(world: &World, events: &mut Vec<UsageEvent>) -> Vec<ProposedItem> {
    let mut items = Vec::new();
    for _ in 0..6 {
        let event = events.swap_remove(pick(world, events.len()));
        let micros = event.at.micros();
        let amendment = match pick(world, 5) {
            0 | 1 => {
                items.push(void(&event.id.to_string()));
                continue;
            }
            2 => Amendment { at: Some(Instant::from_micros(micros + 450_000_000).unwrap()), ..Amendment::default() },
            3 => Amendment {
                at: Some(Instant::from_micros(micros - 86_400_000_000).unwrap()),
                units: Some(Quantity::from_micros(event.units.micros() + 1_000_001)),
                properties: None,
            },
            _ => Amendment {
                units: Some(Quantity::from_micros(event.units.micros() + 7)),
                properties: Some(r#"{"region":"sa","user":"u9"}"#.to_owned()),
                at: None,
            },
        };
        items.push(ProposedItem { event: event.id.to_string(), change: EventChange::Amend(amendment) });
    }
    items
}

fn listed(world: &World, metric: &str, cut: Option<i64>) -> Vec<(String, String)> {
    let filter = EventsFilter {
        metric_key: metric.to_owned(),
        customer_key: None,
        naming: domain::charges::events::Naming::default(),
        from: None,
        to: None,
        cut,
        dimensions: std::collections::BTreeMap::new(),
    };
    let events = world.engine.list_usage_events_of_metric(&world.owner(), &filter, None, 100).unwrap();
    let mut told: Vec<(String, String)> =
        events.into_iter().map(|event| (event.idempotency_key, event.units.to_string())).collect();
    told.sort();
    told
}

fn event(world: &World, id: &str) -> engine::ingest::events::UsageEventView {
    world.engine.get_usage_event(&world.owner(), id).unwrap()
}

on_both! {
    // checklist 36, 94
    fn whatever_is_corrected_and_taken_back_every_reader_agrees(world) {
        prepare(world);
        let (mut seen, mut applied) = (Vec::new(), Vec::new());
        for turn in 0..4 {
            for chunk in naive::events(world, 70, &format!("a{turn}-")).chunks(25) {
                world.send_batch(chunk);
            }
            world.engine.fold_all(world.project.id).unwrap();
            let mut events = naive::stored(world);
            applied.push(apply(world, some(world, &mut events)));
            check_all(world, &format!("after correction {turn}"));
            // More comes in, into slices that were made anew, and is not folded.
            world.send_batch(&naive::events(world, 30, &format!("b{turn}-")));
            check_all(world, &format!("after more, {turn}"));
            if turn % 2 == 1 {
                let taken_back = applied.remove(0);
                let done = world.engine.revert_usage_correction(&world.owner(), taken_back, &reason());
                // One of its events in the place of others may have been corrected since.
                if done.is_err() {
                    applied.push(taken_back);
                }
                check_all(world, &format!("after taking back, {turn}"));
            }
            let part = ask(world);
            assert_eq!(part.folded, recount(world, part.cut));
            seen.push((part.cut, part.folded));
            world.verify();
        }
        for (cut, folded) in seen {
            assert_eq!(recount(world, cut), folded, "as of {cut}");
        }
        let before = ask(world).folded;
        world.engine.rebuild_rollups(world.project.id).unwrap();
        assert_eq!(ask(world).folded, before);
    }

    fn an_amended_event_counts_in_the_place_of_the_one_before_and_both_say_so(world) {
        world.send("k1", &json!({ "metricKey": "calls", "units": "5", "timestamp": "2026-03-10T00:00:00Z", "eventId": "meter/1" }));
        world.send("k2", &json!({ "metricKey": "calls", "units": "2", "timestamp": "2026-03-10T00:01:00Z" }));
        let sent = event(world, "meter/1");
        let id = apply(world, vec![amend("meter/1", "9")]);
        assert_eq!(world.used("calls"), ("11.000000".to_owned(), 2));
        let original = event(world, "meter/1");
        assert_eq!((original.voided_by, &original.payload, original.units), (Some(id), &sent.payload, sent.units));
        let instead = event(world, &original.amended_by.unwrap().to_string());
        assert_eq!((instead.amends, instead.voided_by, instead.units.to_string()), (Some(original.id), None, "9.000000".to_owned()));
        assert_eq!((instead.timestamp, instead.event_id.as_deref()), (sent.timestamp, None));
        world.engine.revert_usage_correction(&world.owner(), id, &reason()).unwrap();
        assert_eq!(world.used("calls"), ("7.000000".to_owned(), 2));
        let original = event(world, "meter/1");
        assert_eq!((original.voided_by, original.amended_by), (None, None));
        assert_eq!(event(world, &instead.id.to_string()).voided_by, Some(id));
        // What its sender sends again is what it sent.
        let again = world.send("k1", &json!({ "metricKey": "calls", "units": "5", "timestamp": "2026-03-10T00:00:00Z", "eventId": "meter/1" }));
        assert!(again.replayed && again.body.contains("5.000000"));
    }

    // checklist 75
    fn events_are_listed_as_they_counted_at_each_cut(world) {
        for number in 1..=3 {
            world.send(&format!("k{number}"), &json!({ "metricKey": "calls", "units": number.to_string(), "timestamp": "2026-03-10T00:00:00Z" }));
        }
        world.engine.fold_all(world.project.id).unwrap();
        let events = naive::stored(world);
        let of = |name: &str| events.iter().find(|event| event.idempotency_key == name).unwrap().id.to_string();
        let id = apply(world, vec![void(&of("k1")), amend(&of("k2"), "7")]);
        world.engine.revert_usage_correction(&world.owner(), id, &reason()).unwrap();
        let units = |cut| listed(world, "calls", Some(cut)).into_iter().map(|(_, units)| units).collect::<Vec<_>>();
        assert_eq!(units(3), ["1.000000", "2.000000", "3.000000"]);
        let mut corrected = units(4);
        corrected.sort();
        assert_eq!(corrected, ["3.000000", "7.000000"]);
        assert_eq!(units(5), units(3));
        assert_eq!(listed(world, "calls", None).len(), 4);
    }

    fn a_correction_while_a_version_is_built_is_in_the_new_rows_too(world) {
        for number in 0..240_u32 {
            let body = json!({ "metricKey": "m", "units": "1", "timestamp": "2026-03-10T00:00:00Z", "properties": { "region": "eu" } });
            world.send(&format!("k{number:03}"), &body);
        }
        world.engine.fold_all(world.project.id).unwrap();
        let mut ids: Vec<EventId> = naive::stored(world).into_iter().map(|event| event.id).collect();
        ids.sort();
        let next = MetricDefinition { dimensions: vec!["region".into()], ..MetricDefinition::plain("m") };
        change(world, next);
        let mut held = claim(world);
        assert_eq!(engine::jobs::worker::chunk(&world.engine, &mut held).unwrap(), Chunk::More);
        // One that the build has read, and one that it has not.
        apply(world, vec![void(&ids[3].to_string()), amend(&ids[230].to_string(), "5")]);
        world.verify();
        while engine::jobs::worker::chunk(&world.engine, &mut held).unwrap() == Chunk::More {}
        assert_eq!(world.used("m"), ("243.000000".to_owned(), 239));
        world.verify();
    }

    fn a_preview_says_what_applying_does_and_changes_nothing(world) {
        prepare(world);
        world.send_batch(&naive::events(world, 120, "a"));
        let mut events = naive::stored(world);
        let id = propose(world, some(world, &mut events)).unwrap();
        let before = ask(world);
        let told = world.engine.preview_usage_correction(&world.owner(), id).unwrap();
        assert_eq!(world.engine.preview_usage_correction(&world.owner(), id).unwrap(), told);
        assert!(!told.usage.is_empty());
        assert_eq!(ask(world).everything, before.everything);
        let usage = |effect: &engine::usage_corrections::UsageEffect| {
            let query = engine::metering::usage::UsageQuery {
                from: Some(effect.from),
                to: Some(effect.to),
                customer_key: Some(effect.customer_key.clone()),
                ..Default::default()
            };
            let usage = world.engine.metric_usage(&world.owner(), &effect.metric_key, &query).unwrap();
            usage.data.first().map_or(0, |row| row.units.micros())
        };
        for effect in &told.usage {
            assert_eq!(usage(effect), effect.before.micros());
        }
        world.engine.apply_usage_correction(&world.owner(), id).unwrap();
        for effect in &told.usage {
            assert_eq!(usage(effect), effect.after.micros());
            assert_eq!(effect.after.micros() - effect.before.micros(), effect.difference.micros());
        }
    }
}
