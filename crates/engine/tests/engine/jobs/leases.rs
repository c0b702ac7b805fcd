//! Who may work on a job: one node at a time, the next one where the last one stopped, and nobody with an old fence.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::access::Role;
use domain::jobs::{ATTEMPTS_MAX, JobKind, JobState, LEASE};
use domain::refusal::{Code, Refusal};
use engine::Error;
use engine::jobs::{Chunk, JobQuery};

use super::work::{chunk, chunks_done, queue, stored};
use crate::world::{World, on_both};

/// Another node on the same database, whose clock tells the same time.
fn another_node(world: &World) -> World {
    let other = World::new(world.db.clone(), world.seed.wrapping_add(1));
    other.clock.set(&world.owner().now().to_string());
    other
}

on_both! {
    // promise P18
    fn of_two_nodes_that_ask_for_a_job_one_gets_it(world) {
        let project = world.project.id;
        let other = another_node(world);
        let id = queue(world, project);
        let claims: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|turn| {
                    let engine = if turn % 2 == 0 { &world.engine } else { &other.engine };
                    scope.spawn(|| engine.claim_job(project).unwrap())
                })
                .collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(claims.len(), 1);
        let job = stored(world, project, id);
        assert_eq!((job.state, job.fence, job.node), (JobState::Running, 1, claims[0].job.node.clone()));
    }

    fn a_job_left_in_the_middle_is_finished_by_another_node_and_each_chunk_happens_once(world) {
        let project = world.project.id;
        let other = another_node(world);
        let id = queue(world, project);
        let mut held = world.engine.claim_job(project).unwrap().unwrap();
        for _ in 0..3 {
            assert_eq!(chunk(&world.engine, &mut held, 40).unwrap(), Chunk::More);
        }
        // The node is gone without a word: nobody else gets the job before its lease ends.
        drop(held);
        other.clock.advance(LEASE - Duration::from_secs(1));
        assert!(other.engine.claim_job(project).unwrap().is_none());
        other.clock.advance(Duration::from_secs(1));
        other.engine.run_jobs_with(project, &|engine, held| chunk(engine, held, 40)).unwrap();
        assert_eq!(chunks_done(world, project), (1..=40).collect::<Vec<_>>());
        let job = stored(world, project, id);
        assert_eq!((job.state, job.done, job.total, job.node), (JobState::Done, 40, 40, None));
        assert_eq!(job.ended_at, Some(other.owner().now()));
    }

    fn a_node_that_comes_back_after_its_lease_stores_nothing(world) {
        let project = world.project.id;
        let other = another_node(world);
        let id = queue(world, project);
        let mut zombie = world.engine.claim_job(project).unwrap().unwrap();
        chunk(&world.engine, &mut zombie, 4).unwrap();
        other.clock.advance(LEASE);
        let mut heir = other.engine.claim_job(project).unwrap().unwrap();
        chunk(&other.engine, &mut heir, 4).unwrap();
        assert_eq!(chunk(&world.engine, &mut zombie, 4).unwrap(), Chunk::LeaseLost);
        zombie.clone().release(&world.engine).unwrap();
        zombie.clone().fail(&world.engine, &Error::Bug("the zombie failed".to_owned())).unwrap();
        assert_eq!(chunks_done(world, project), [1, 2]);
        assert_eq!(chunk(&other.engine, &mut heir, 4).unwrap(), Chunk::More);
        assert_eq!(chunk(&other.engine, &mut heir, 4).unwrap(), Chunk::Complete);
        assert_eq!(chunk(&world.engine, &mut zombie, 4).unwrap(), Chunk::LeaseLost);
        assert_eq!(chunks_done(world, project), [1, 2, 3, 4]);
        assert_eq!((stored(world, project, id).done, stored(world, project, id).error), (4, None));
    }

    fn a_late_chunk_counts_while_nobody_took_over(world) {
        let project = world.project.id;
        queue(world, project);
        let mut held = world.engine.claim_job(project).unwrap().unwrap();
        world.clock.advance(10 * LEASE);
        assert_eq!(chunk(&world.engine, &mut held, 1).unwrap(), Chunk::Complete);
    }

    fn a_chunk_that_fails_is_tried_again_later_and_then_given_up(world) {
        let project = world.project.id;
        let id = queue(world, project);
        let tries = AtomicI64::new(0);
        let fails = |_: &_, _: &mut _| {
            tries.fetch_add(1, Ordering::SeqCst);
            Err(Error::Bug("a secret of the inside".to_owned()))
        };
        for attempt in 1..=ATTEMPTS_MAX {
            world.engine.run_jobs_with(project, &fails).unwrap();
            assert_eq!(tries.load(Ordering::SeqCst), i64::from(attempt), "once, then later");
            world.clock.advance(Duration::from_secs(60));
        }
        let job = stored(world, project, id);
        assert_eq!((job.state, job.attempts), (JobState::Failed, ATTEMPTS_MAX));
        let told = job.error.unwrap();
        assert!(told.starts_with("Something is wrong on our side") && !told.contains("secret"), "{told}");
        let ended = world.engine.list_audit_entries(&world.owner(), &Default::default(), 1).unwrap().remove(0);
        assert_eq!((ended.action.as_str(), ended.target), ("job.failed", id.to_string()));
    }

    fn a_failed_chunk_does_not_lose_what_came_before_it(world) {
        let project = world.project.id;
        let id = queue(world, project);
        let tries = AtomicI64::new(0);
        let stumbles = |engine: &engine::Engine, held: &mut engine::jobs::HeldJob| {
            if tries.fetch_add(1, Ordering::SeqCst) == 2 {
                return Err(Error::Overloaded { retry_after_seconds: 1 });
            }
            chunk(engine, held, 5)
        };
        world.engine.run_jobs_with(project, &stumbles).unwrap();
        assert_eq!((chunks_done(world, project), stored(world, project, id).attempts), (vec![1, 2], 1));
        world.clock.advance(Duration::from_secs(2));
        world.engine.run_jobs_with(project, &stumbles).unwrap();
        assert_eq!(chunks_done(world, project), [1, 2, 3, 4, 5]);
        let job = stored(world, project, id);
        assert_eq!((job.state, job.attempts, job.error), (JobState::Done, 0, None));
    }

    fn a_refused_chunk_fails_at_once_with_what_the_refusal_says(world) {
        let project = world.project.id;
        let id = queue(world, project);
        let refused = |_: &_, _: &mut _| Err(Refusal::new(Code::QuantityOutOfRange, "It does not fit.").into());
        world.engine.run_jobs_with(project, &refused).unwrap();
        let job = stored(world, project, id);
        assert_eq!((job.state, job.error.as_deref()), (JobState::Failed, Some("It does not fit.")));
    }

    fn a_chunk_that_panics_fails_its_job_and_nothing_else(world) {
        let project = world.project.id;
        let (bad, good) = (queue(world, project), queue(world, project));
        let step = |engine: &engine::Engine, held: &mut engine::jobs::HeldJob| {
            assert!(held.job.id != bad, "a planted panic");
            chunk(engine, held, 1)
        };
        world.engine.run_jobs_with(project, &step).unwrap();
        assert_eq!(stored(world, project, bad).attempts, 1);
        assert_eq!(stored(world, project, good).state, JobState::Done);
    }

    fn people_see_their_jobs_by_kind_and_state_and_no_others(world) {
        let (done, waiting) = (queue(world, world.project.id), queue(world, world.project.id));
        let elsewhere = world.another_project("elsewhere");
        let foreign = queue(world, elsewhere.id);
        let held = world.engine.claim_job(world.project.id).unwrap().unwrap();
        assert_eq!(held.job.id, done, "the oldest comes first");
        chunk(&world.engine, &mut held.clone(), 1).unwrap();
        let viewer = world.member(Role::Viewer);
        let list = |query: JobQuery| -> Vec<_> {
            world.engine.list_jobs(&viewer, query, 10).unwrap().iter().map(|job| job.id).collect()
        };
        assert_eq!(list(JobQuery::default()), [waiting, done]);
        assert_eq!(list(JobQuery { state: Some(JobState::Done), ..Default::default() }), [done]);
        assert_eq!(list(JobQuery { kind: Some(JobKind::MetricBackfill), ..Default::default() }), []);
        assert_eq!(list(JobQuery { before: Some(waiting), ..Default::default() }), [done]);
        let refused = world.engine.get_job(&viewer, foreign).unwrap_err();
        assert_eq!(refused.to_refusal().code, Code::NotFound);
        assert_eq!(world.engine.get_job(&viewer, done).unwrap().created_by, "Olivia Owner");
    }
}
