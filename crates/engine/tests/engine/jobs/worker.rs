//! The thread that runs jobs: it takes what there is, and lets go when it is told to stop.

use domain::jobs::JobState;
use domain::metrics::VersionState;

use crate::metrics::meaning::{by_region, job_of};
use crate::world::World;

/// A world on a database of its own: its worker takes the jobs of everybody.
fn alone(story: impl Fn(&World)) {
    for (_, _, db) in testkit::fresh_databases() {
        let world = World::new(db, 4_711);
        story(&world);
        world.verify();
    }
}

#[test]
fn a_worker_does_what_it_is_told_of_and_what_it_finds() {
    alone(|world| {
        world.declare();
        world.call_at_once(0..30);
        world.fold();
        let found = job_of(&world.change(by_region()));
        let workers = world.engine.start_workers().unwrap();
        let ended = || world.engine.get_job(&world.owner(), found).unwrap().state == JobState::Done;
        while !ended() {
            std::thread::yield_now();
        }
        workers.stop();
        assert_eq!(world.answer(), world.answer_if(&by_region(), 30));
    });
}

#[test]
fn a_worker_that_is_stopped_lets_its_job_go_after_the_chunk() {
    alone(|world| {
        world.declare();
        world.call(0..250);
        world.fold();
        let job = job_of(&world.change(by_region()));
        let workers = world.engine.start_workers().unwrap();
        let get = || world.engine.get_job(&world.owner(), job).unwrap();
        while get().done == 0 {
            std::thread::yield_now();
        }
        workers.stop();
        let left = get();
        assert_eq!(left.node, None, "nobody holds it");
        assert!(left.done % 100 == 0 || left.done == left.total, "a chunk is done as a whole");
        // Another node goes on at once: no lease has to end.
        let other = World::new(world.db.clone(), 4_712);
        other.engine.run_jobs().unwrap();
        assert_eq!(get().state, JobState::Done);
        let building = world.engine.get_metric(&world.owner(), "calls").unwrap().building;
        assert_eq!(building, None);
        let versions = world.engine.list_metric_versions(&world.owner(), "calls", None, 1).unwrap();
        assert_eq!((versions[0].version, versions[0].state), (2, VersionState::Current));
    });
}

#[test]
fn a_node_takes_turns_between_projects() {
    alone(|world| {
        let (first, second) = (world, World::new(world.db.clone(), 4_713));
        // The first project has far more to do than one turn.
        first.declare();
        first.call(0..110);
        second.declare();
        second.call(0..10);
        first.engine.fold_rollups().unwrap();
        let jobs = [job_of(&first.change(by_region())), job_of(&second.change(by_region()))];
        first.engine.run_jobs().unwrap();
        assert_eq!(first.engine.get_job(&first.owner(), jobs[0]).unwrap().state, JobState::Done);
        assert_eq!(second.engine.get_job(&second.owner(), jobs[1]).unwrap().state, JobState::Done);
    });
}
