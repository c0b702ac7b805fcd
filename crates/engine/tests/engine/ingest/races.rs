//! The same keys at the same time: on one node through its writer, on two nodes against each other.

use std::sync::mpsc;

use domain::ingest::{Door, Outcome};
use engine::ingest::{Answered, Verdict};
use serde_json::json;

use super::send::{event, item, items, machine, submit, tokens};
use crate::world::{World, on_both};

/// Sends one event through the writer and waits for its answer.
fn post(world: &World, key: &str, units: &str) -> Answered {
    let (sender, receiver) = mpsc::channel();
    let ctx = machine(&world.engine, world.project.id);
    let answer = move |answered| sender.send(answered).unwrap();
    world.engine.submit_usage(&ctx, Door::Single, vec![item(key, &tokens(units))], answer).unwrap();
    receiver.recv().unwrap().unwrap()
}

on_both! {
    // checklist 22, checklist 89, promise P3
    fn of_64_threads_with_one_key_one_is_accepted_and_63_get_the_replay(world) {
        let workers = world.engine.start_ingest().unwrap();
        let answers: Vec<Answered> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..64).map(|_| scope.spawn(|| post(world, "k1", "1"))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        workers.stop();
        let accepted = answers.iter().filter(|answered| answered.verdicts[0].outcome() == Outcome::Accepted).count();
        let replayed = answers.iter().filter(|answered| answered.verdicts[0].outcome() == Outcome::Replay).count();
        assert_eq!((accepted, replayed), (1, 63));
        let bodies: std::collections::BTreeSet<String> =
            answers.iter().map(|answered| answered.single().unwrap().body).collect();
        assert_eq!(bodies.len(), 1);
        assert_eq!(world.used("api_tokens"), ("1.000000".to_owned(), 1));
    }

    // promise P4
    fn of_two_bodies_at_once_one_is_accepted_and_the_other_conflicts(world) {
        let workers = world.engine.start_ingest().unwrap();
        for round in 0..10 {
            let key = format!("k{round}");
            let mut outcomes: Vec<Outcome> = std::thread::scope(|scope| {
                let one = scope.spawn(|| post(world, &key, "1").verdicts[0].outcome());
                let two = scope.spawn(|| post(world, &key, "2").verdicts[0].outcome());
                vec![one.join().unwrap(), two.join().unwrap()]
            });
            outcomes.sort();
            assert_eq!(outcomes, [Outcome::Accepted, Outcome::Conflict]);
        }
        workers.stop();
    }

    // promise P3
    fn two_nodes_that_race_store_each_event_once(world) {
        let other = World::new(world.db.clone(), world.seed.wrapping_add(1));
        let keys: Vec<String> = (0..40).map(|number| format!("k{number}")).collect();
        let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|turn| {
                    let engine = if turn % 2 == 0 { &world.engine } else { &other.engine };
                    let mut events: Vec<_> = keys
                        .iter()
                        .map(|key| event(key, &json!({ "metricKey": "raced", "units": "1", "eventId": format!("e-{key}") })))
                        .collect();
                    events.rotate_left(turn * 5);
                    if turn % 3 == 0 {
                        events.reverse();
                    }
                    scope.spawn(move || {
                        let answered = submit(engine, world.project.id, Door::Batch, items(&events));
                        answered.verdicts.iter().map(Verdict::outcome).collect::<Vec<_>>()
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let count = |wanted: Outcome| outcomes.iter().filter(|outcome| **outcome == wanted).count();
        assert_eq!((count(Outcome::Accepted), count(Outcome::Replay), outcomes.len()), (40, 280, 320));
        assert_eq!(world.used("raced"), ("40.000000".to_owned(), 40));
    }

    // promise P3
    fn two_nodes_that_race_for_one_event_id_store_it_once(world) {
        let other = World::new(world.db.clone(), world.seed.wrapping_add(1));
        let body = json!({ "metricKey": "raced", "units": "1", "eventId": "e1" });
        let mut outcomes: Vec<Outcome> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|turn| {
                    let engine = if turn % 2 == 0 { &world.engine } else { &other.engine };
                    let item = item(&format!("k{turn}"), &body);
                    scope.spawn(move || submit(engine, world.project.id, Door::Single, vec![item]).verdicts[0].outcome())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        outcomes.sort();
        let mut expected = vec![Outcome::Accepted];
        expected.extend([Outcome::Duplicate; 7]);
        assert_eq!(outcomes, expected);
    }
}
