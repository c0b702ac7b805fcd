//! What was folded up to a cut can be asked for while more comes in, and counted again from single events later.

use domain::metrics::Metric;
use domain::time::Instant;
use domain::window::Span;
use engine::Error;
use engine::metering::{self, Customers, EventsOf, Measured, PricedEvent, Question, Spans, Through};
use serde_json::json;

use super::naive;
use super::totals::prepare;
use crate::world::{World, on_both};

/// Edges on days, on quarters of an hour, and within them; a gap; a stretch after all events.
fn spans() -> Vec<Span> {
    let edges = [
        ("2026-03-09T00:00:00Z", "2026-03-11T00:00:00Z"),
        ("2026-03-11T00:00:00Z", "2026-03-12T18:07:30Z"),
        ("2026-03-12T18:07:30Z", "2026-03-12T18:15:00.000001Z"),
        ("2026-03-13T06:00:00Z", "2026-03-18T00:00:00Z"),
    ];
    let at = |text: &str| Instant::parse(text).unwrap();
    edges.iter().map(|(start, end)| Span { start: at(start), end: at(end) }).collect()
}

fn metrics(world: &World) -> Vec<Metric> {
    world.db.read("test", world.project.id, storage::metrics::all).unwrap()
}

/// The answers of every metric, in one snapshot, with its cut.
pub struct Answers {
    pub cut: i64,
    pub folded: Vec<Vec<Measured>>,
    pub everything: Vec<Vec<Measured>>,
    events: Vec<PricedEvent>,
}

pub fn ask(world: &World) -> Answers {
    let (metrics, spans, now) = (metrics(world), spans(), world.owner().now());
    let span = Span { start: spans[0].start, end: spans[3].end };
    let questions = |through| -> Vec<Question<'_>> {
        let spans = Spans::Same(&spans);
        metrics.iter().map(|metric| Question { metric, customers: Customers::All, spans, now, through }).collect()
    };
    let read = |tx: &mut storage::ProjectTx<'_>| -> Result<Answers, Error> {
        let wanted = EventsOf { metric: &metrics[0], customers: Customers::All, span, through: Through::Folded };
        Ok(Answers {
            cut: metering::cut(tx)?,
            folded: metering::measure_all(tx, &questions(Through::Folded))?,
            everything: metering::measure_all(tx, &questions(Through::Everything))?,
            events: metering::priced_events(tx, &wanted, None)?,
        })
    };
    world.db.read("test", world.project.id, read).unwrap()
}

pub fn recount(world: &World, cut: i64) -> Vec<Vec<Measured>> {
    let (metrics, spans, now) = (metrics(world), spans(), world.owner().now());
    let read = |tx: &mut storage::ProjectTx<'_>| -> Result<Vec<Vec<Measured>>, Error> {
        let each = metrics.iter().map(|metric| {
            let spans = Spans::Same(&spans);
            let through = Through::Folded;
            metering::recount_at(tx, &Question { metric, customers: Customers::All, spans, now, through }, cut)
        });
        each.collect()
    };
    world.db.read("test", world.project.id, read).unwrap()
}

on_both! {
    // checklist 36
    fn what_is_folded_is_what_the_events_up_to_its_cut_add_up_to(world) {
        prepare(world);
        let mut seen: Vec<(i64, Vec<Vec<Measured>>)> = Vec::new();
        for turn in 0..5 {
            for chunk in naive::events(world, 80, &format!("a{turn}-")).chunks(25) {
                world.send_batch(chunk);
            }
            world.engine.fold_all(world.project.id).unwrap();
            let whole = ask(world);
            assert_eq!(whole.folded, whole.everything);
            // More comes in, into the same days and quarters, and is not folded.
            for chunk in naive::events(world, 40, &format!("b{turn}-")).chunks(9) {
                world.send_batch(chunk);
            }
            let part = ask(world);
            assert_eq!((part.cut, &part.folded, &part.events), (whole.cut, &whole.folded, &whole.events));
            assert_ne!(part.folded, part.everything);
            assert_eq!(part.folded, recount(world, part.cut));
            seen.push((part.cut, part.folded));
        }
        for (cut, folded) in seen {
            assert_eq!(recount(world, cut), folded, "as of {cut}");
        }
    }

    fn nothing_is_folded_at_the_beginning(world) {
        prepare(world);
        world.send("k1", &json!({ "metricKey": "tokens", "units": "1", "timestamp": "2026-03-10T00:00:00Z" }));
        let before = ask(world);
        assert_eq!((before.cut, before.events.len(), before.folded.iter().flatten().count()), (0, 0, 0));
        assert_eq!(before.everything.iter().flatten().count(), 1);
        world.engine.fold_all(world.project.id).unwrap();
        world.engine.fold_all(world.project.id).unwrap();
        assert_eq!((ask(world).cut, ask(world).folded.iter().flatten().count()), (1, 1));
    }

    fn two_nodes_may_fold_everything_at_once(world) {
        let other = World::new(world.db.clone(), world.seed.wrapping_add(1));
        prepare(world);
        for chunk in naive::events(world, 120, "a").chunks(3) {
            world.send_batch(chunk);
        }
        std::thread::scope(|scope| {
            for node in [&world.engine, &other.engine, &world.engine] {
                scope.spawn(move || node.fold_all(world.project.id).unwrap());
            }
        });
        let after = ask(world);
        assert_eq!((after.cut, after.folded), (40, after.everything));
    }
}
