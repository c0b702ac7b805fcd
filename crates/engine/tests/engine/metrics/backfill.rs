//! The job that makes the rows of a new version: whatever happens meanwhile, the version answers as if it had always been there.

use domain::jobs::{JobState, LEASE};
use domain::metrics::VersionState;
use engine::jobs::{Chunk, worker};

use super::meaning::{KEY, by_region, job_of, level, meaning, since, unique_users};
use crate::world::{World, on_both};

/// Another node on the same database at the same time.
fn another_node(world: &World) -> World {
    let other = World::new(world.db.clone(), world.seed.wrapping_add(1));
    other.clock.set(&world.owner().now().to_string());
    other
}

on_both! {
    // checklist 36
    fn a_new_version_answers_like_a_recount_of_everything_though_events_kept_coming(world) {
        world.declare();
        world.call(0..230);
        world.fold();
        let job = job_of(&world.change(by_region()));
        let mut sent = 230;
        let mut held = world.claim();
        loop {
            // Between two chunks: some that are folded at once, some that are not.
            world.call(sent..sent + 3);
            world.fold();
            world.call(sent + 3..sent + 5);
            sent += 5;
            if worker::chunk(&world.engine, &mut held).unwrap() == Chunk::Complete {
                break;
            }
        }
        assert!(sent > 240, "the job took several chunks");
        assert_eq!(world.answer(), world.answer_if(&by_region(), sent));
        let job = world.engine.get_job(&world.owner(), job).unwrap();
        assert_eq!((job.state, job.done == job.total, job.total >= 230), (JobState::Done, true, true));
    }

    fn every_meaning_that_needs_rows_answers_as_if_it_had_always_been_there(world) {
        world.declare();
        world.call_at_once(0..120);
        world.fold();
        world.call_at_once(120..150);
        for meaning in [unique_users(), level(), since("2026-03-08T12:00:00Z"), by_region()] {
            job_of(&world.change(meaning.clone()));
            world.run_jobs();
            assert_eq!(world.answer(), world.answer_if(&meaning, 150), "{meaning:?}");
            world.verify();
        }
    }

    fn a_build_left_in_the_middle_is_finished_by_another_node(world) {
        world.declare();
        world.call(0..250);
        world.fold();
        world.change(unique_users());
        let mut held = world.claim();
        assert_eq!(worker::chunk(&world.engine, &mut held).unwrap(), Chunk::More);
        assert!(held.job.done > 0 && held.job.done < held.job.total);
        // What is built so far is exactly what it says: verify compares it with the events.
        world.verify();
        let other = another_node(world);
        other.engine.run_jobs_of(world.project.id).unwrap();
        assert_eq!(world.engine.get_job(&world.owner(), held.job.id).unwrap().done, held.job.done, "the lease holds");
        other.clock.advance(LEASE);
        other.engine.run_jobs_of(world.project.id).unwrap();
        let expected = world.answer_if(&unique_users(), 250);
        assert_eq!(world.answer(), expected);
        // The first node wakes up.
        assert_eq!(worker::chunk(&world.engine, &mut held).unwrap(), Chunk::LeaseLost);
        assert_eq!(world.answer(), expected);
    }

    fn two_nodes_at_once_build_it_once(world) {
        world.declare();
        world.call(0..220);
        world.fold();
        let job = job_of(&world.change(by_region()));
        let other = another_node(world);
        std::thread::scope(|scope| {
            for engine in [&world.engine, &other.engine, &world.engine, &other.engine] {
                scope.spawn(move || {
                    engine.run_jobs_of(world.project.id).unwrap();
                    engine.fold_rollups().unwrap();
                });
            }
        });
        world.run_jobs();
        assert_eq!(world.engine.get_job(&world.owner(), job).unwrap().state, JobState::Done);
        assert_eq!(world.answer(), world.answer_if(&by_region(), 220));
    }

    fn readers_see_the_old_meaning_or_the_new_one_and_never_a_mixture(world) {
        world.declare();
        world.call(0..210);
        world.fold();
        let before = world.answer();
        world.change(meaning(|metric| {
            metric.effective_from = Some(domain::time::Instant::parse("2026-03-05T00:00:00Z").unwrap());
        }));
        let mut held = world.claim();
        let mut activated = false;
        loop {
            let chunk = worker::chunk(&world.engine, &mut held).unwrap();
            activated |= world.engine.get_metric(&world.owner(), KEY).unwrap().version == 2;
            let after = world.answer();
            assert_eq!(after == before, !activated, "the answer changes at once, when the version becomes current");
            if chunk == Chunk::Complete {
                break;
            }
        }
        assert_eq!(world.answer(), world.answer_if(&since("2026-03-05T00:00:00Z"), 210));
    }

    fn readers_at_the_same_time_see_one_meaning_each(world) {
        world.declare();
        world.call(0..210);
        world.fold();
        let old = world.answer();
        let new = world.answer_if(&unique_users(), 210);
        world.change(unique_users());
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| (0..40).map(|_| world.answer()).collect::<Vec<_>>()))
                .collect();
            scope.spawn(|| world.run_jobs());
            for answers in readers.into_iter().map(|reader| reader.join().unwrap()) {
                for answer in answers {
                    assert!(answer == old || answer == new, "{answer:#}");
                }
            }
        });
        assert_eq!(world.answer(), new);
    }

    fn rows_that_nobody_reads_any_more_are_deleted(world) {
        world.declare();
        world.call_at_once(0..60);
        world.fold();
        world.change(unique_users());
        // A newer wish comes first: the rows of the one given up must go, too.
        let mut held = world.claim();
        worker::chunk(&world.engine, &mut held).unwrap();
        held.release(&world.engine).unwrap();
        world.change(by_region());
        world.run_jobs();
        let mut series = std::collections::BTreeSet::new();
        let mut collect = |key: storage::rollups::RollupKey, _| {
            series.insert(key.group.series);
        };
        world.db.read("all_rollups", world.project.id, |tx| storage::rollups::all(tx, &mut collect)).unwrap();
        let versions = world.engine.list_metric_versions(&world.owner(), KEY, None, 10).unwrap();
        let current: Vec<_> = versions.iter().filter(|version| version.state == VersionState::Current).collect();
        assert_eq!((current.len(), series.len()), (1, 1));
        assert_eq!(world.answer(), world.answer_if(&current[0].definition, 60));
    }

    fn a_metric_without_events_changes_at_once(world) {
        world.declare();
        let changed = world.change(by_region());
        assert_eq!((changed.version().state, changed.version().version), (VersionState::Current, 2));
        world.call_at_once(0..20);
        assert_eq!(world.answer(), world.answer_if(&by_region(), 20));
    }

    fn what_events_made_is_declared_with_rows_of_its_own(world) {
        world.accept_customers();
        world.call(0..110);
        world.fold();
        world.engine.declare_metric(&world.owner(), &unique_users()).unwrap();
        let building = world.engine.get_metric(&world.owner(), KEY).unwrap().building.unwrap();
        assert_eq!((building.version, building.done), (2, 0));
        world.run_jobs();
        let metric = world.engine.get_metric(&world.owner(), KEY).unwrap();
        assert_eq!((metric.version, metric.building, metric.declared), (2, None, true));
        assert_eq!(world.answer(), world.answer_if(&unique_users(), 110));
    }
}
