//! The writer thread: its bounds, its answers when something goes wrong, and its end.

use std::sync::mpsc;

use domain::ingest::{Door, Outcome};
use engine::Error;
use engine::ingest::{Answered, QueueLimits};

use super::send::{event, item, items, machine, tokens};
use crate::world::{World, on_both};

type Answers = mpsc::Receiver<Result<Answered, Error>>;

/// Puts one event in the queue.
fn post(world: &World, key: &str) -> Result<Answers, Error> {
    let (sender, receiver) = mpsc::channel();
    let ctx = machine(&world.engine, world.project.id);
    let answer = move |answered| drop(sender.send(answered));
    world.engine.submit_usage(&ctx, Door::Single, vec![item(key, &tokens("1"))], answer)?;
    Ok(receiver)
}

/// Makes the writer wait inside an answer until the returned sender is used or dropped.
fn hold_the_writer(world: &World) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (held, holding) = mpsc::channel();
    let ctx = machine(&world.engine, world.project.id);
    let answer = move |_| {
        held.send(()).unwrap();
        // Used or dropped: both let the writer go on.
        let _released = released.recv();
    };
    world.engine.submit_usage(&ctx, Door::Single, vec![item("holding", &tokens("1"))], answer).unwrap();
    holding.recv().unwrap();
    release
}

fn outcome(answers: &Answers) -> Outcome {
    answers.recv().unwrap().unwrap().verdicts[0].outcome()
}

on_both! {
    fn whatever_waits_when_the_writer_stops_is_still_served(world) {
        let workers = world.engine.start_ingest().unwrap();
        let release = hold_the_writer(world);
        let waiting: Vec<Answers> = (0..20).map(|number| post(world, &format!("k{number}")).unwrap()).collect();
        let stopping = std::thread::spawn(move || workers.stop());
        drop(release);
        stopping.join().unwrap();
        assert!(waiting.iter().all(|answers| outcome(answers) == Outcome::Accepted));
        // And nothing more is let in.
        assert!(matches!(post(world, "late"), Err(Error::Overloaded { .. })));
        assert_eq!(world.used("api_tokens").1, 21);
    }

    // promise P28
    fn a_full_queue_refuses_at_once(world) {
        let limits = QueueLimits { events_max: 4, ..QueueLimits::STANDARD };
        let small = World::with_queue(world.db.clone(), world.seed.wrapping_add(1), limits);
        let workers = small.engine.start_ingest().unwrap();
        let release = hold_the_writer(&small);
        let first = post(&small, "k1").unwrap();
        let second = post(&small, "k2").unwrap();
        let Err(Error::Overloaded { retry_after_seconds }) = post(&small, "k3") else { panic!("the queue took it") };
        assert!(retry_after_seconds >= 1);
        drop(release);
        assert_eq!((outcome(&first), outcome(&second)), (Outcome::Accepted, Outcome::Accepted));
        // There is room again, and nothing of the refused request was kept.
        assert_eq!(outcome(&post(&small, "k3").unwrap()), Outcome::Accepted);
        workers.stop();
    }

    fn without_workers_nothing_is_taken(world) {
        assert!(matches!(post(world, "k1"), Err(Error::Overloaded { .. })));
    }

    fn a_caller_that_panics_harms_nobody_else(world) {
        let workers = world.engine.start_ingest().unwrap();
        let ctx = machine(&world.engine, world.project.id);
        let answer = |_| panic!("a caller of this test panics on purpose");
        world.engine.submit_usage(&ctx, Door::Single, vec![item("k1", &tokens("1"))], answer).unwrap();
        assert_eq!(outcome(&post(world, "k2").unwrap()), Outcome::Accepted);
        workers.stop();
        assert_eq!(world.used("api_tokens").1, 2);
    }

    fn a_request_the_database_refuses_costs_the_others_nothing(world) {
        let workers = world.engine.start_ingest().unwrap();
        let release = hold_the_writer(world);
        let (sender, poisoned) = mpsc::channel();
        // No database takes a NUL in a text.
        let mut ctx = machine(&world.engine, world.project.id);
        ctx.caller.request_id = "req_\0".into();
        let answer = move |answered| drop(sender.send(answered));
        let one = post(world, "k1").unwrap();
        world.engine.submit_usage(&ctx, Door::Single, vec![item("poison", &tokens("1"))], answer).unwrap();
        let two = post(world, "k2").unwrap();
        drop(release);
        assert_eq!((outcome(&one), outcome(&two)), (Outcome::Accepted, Outcome::Accepted));
        assert!(poisoned.recv().unwrap().is_err());
        workers.stop();
    }

    fn an_empty_batch_is_answered_without_the_writer(world) {
        let (sender, receiver) = mpsc::channel();
        let ctx = machine(&world.engine, world.project.id);
        let answer = move |answered: Result<Answered, Error>| sender.send(answered.unwrap().verdicts.len()).unwrap();
        world.engine.submit_usage(&ctx, Door::Batch, Vec::new(), answer).unwrap();
        assert_eq!(receiver.recv(), Ok(0));
    }

    fn a_machine_needs_the_scope(world) {
        let refused = world.engine.submit_usage(&world.owner(), Door::Single, vec![item("k1", &tokens("1"))], |_| {});
        assert_eq!(refused.unwrap_err().to_refusal().code, domain::refusal::Code::Forbidden);
    }

    fn a_batch_larger_than_a_transaction_is_committed_whole(world) {
        let limits = QueueLimits { events_per_commit: 10, ..QueueLimits::STANDARD };
        let small = World::with_queue(world.db.clone(), world.seed.wrapping_add(1), limits);
        let workers = small.engine.start_ingest().unwrap();
        let events: Vec<_> = (0..200).map(|number| event(&format!("k{number:04}"), &tokens("1"))).collect();
        let (sender, receiver) = mpsc::channel();
        let ctx = machine(&small.engine, small.project.id);
        let answer = move |answered| sender.send(answered).unwrap();
        small.engine.submit_usage(&ctx, Door::Batch, items(&events), answer).unwrap();
        let answered: Answered = receiver.recv().unwrap().unwrap();
        assert!(answered.verdicts.iter().all(|verdict| verdict.outcome() == Outcome::Accepted));
        workers.stop();
        let stored = small.engine.list_usage_events(&small.owner(), None, 300).unwrap();
        assert!(stored.iter().all(|event| event.batch_id == stored[0].batch_id));
        assert_eq!(stored.len(), 200);
    }
}
