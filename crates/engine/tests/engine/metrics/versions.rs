//! What a change makes: nothing, a name, a version at once, or a version that is built; and the versions people see.

use domain::access::Role;
use domain::catalog::metric::MetricDefinition;
use domain::jobs::JobState;
use domain::metrics::{Aggregation, VersionState};
use domain::refusal::Code;
use engine::metrics::versions::{MetricChanged, NewMetricVersion};

use super::meaning::{KEY, by_region, job_of, meaning, unique_users, wish};
use crate::world::{World, on_both};

fn numbers_and_states(world: &World) -> Vec<(i64, VersionState)> {
    let versions = world.engine.list_metric_versions(&world.owner(), KEY, None, 10).unwrap();
    versions.iter().map(|version| (version.version, version.state)).collect()
}

on_both! {
    fn a_meaning_of_the_same_rows_is_current_at_once(world) {
        world.declare();
        world.call_at_once(0..30);
        world.fold();
        let largest = meaning(|metric| metric.aggregation = Aggregation::Max);
        let changed = world.change(largest.clone());
        assert!(matches!(changed, MetricChanged::Current(_)), "{changed:?}");
        assert_eq!(world.answer(), world.answer_if(&largest, 30));
        assert_eq!(numbers_and_states(world), [(2, VersionState::Current), (1, VersionState::Retired)]);
    }

    fn the_same_meaning_changes_nothing_and_a_name_makes_no_version(world) {
        world.declare();
        assert!(matches!(world.change(meaning(|_| ())), MetricChanged::Same(_)));
        let renamed = NewMetricVersion {
            wish: engine::metrics::versions::MetricWish { name: Some("Calls".to_owned()), ..wish(meaning(|_| ())) },
            reason: None,
        };
        let changed = world.engine.change_metric(&world.owner(), KEY, &renamed).unwrap();
        assert!(matches!(&changed, MetricChanged::Renamed(version) if version.definition.name == "Calls"), "{changed:?}");
        assert_eq!(numbers_and_states(world), [(1, VersionState::Current)]);
        // What is not said about names leaves them.
        let changed = world.change(by_region());
        assert_eq!(changed.version().definition, MetricDefinition { name: "Calls".to_owned(), ..by_region() });
    }

    fn asking_again_for_what_is_being_built_begins_nothing(world) {
        world.declare();
        world.call_at_once(0..10);
        world.fold();
        let first = world.change(by_region());
        let again = world.change(by_region());
        assert_eq!((job_of(&again), again.version().version), (job_of(&first), 2));
    }

    fn a_build_whose_job_failed_goes_on_when_it_is_asked_for_again(world) {
        world.declare();
        world.call_at_once(0..10);
        world.fold();
        let failed = job_of(&world.change(by_region()));
        let refused = |_: &_, _: &mut _| Err(engine::Error::refused(Code::OutOfRange, "It does not fit."));
        world.engine.run_jobs_with(world.project.id, &refused).unwrap();
        assert_eq!(world.engine.get_job(&world.owner(), failed).unwrap().state, JobState::Failed);
        let next = job_of(&world.change(by_region()));
        assert_ne!(next, failed);
        world.run_jobs();
        assert_eq!(world.answer(), world.answer_if(&by_region(), 10));
    }

    fn the_newest_wish_wins_and_the_old_meaning_takes_a_wish_back(world) {
        world.declare();
        world.call_at_once(0..10);
        world.fold();
        world.change(by_region());
        world.change(unique_users());
        let states = [(3, VersionState::Building), (2, VersionState::Retired), (1, VersionState::Current)];
        assert_eq!(numbers_and_states(world), states);
        assert!(matches!(world.change(meaning(|_| ())), MetricChanged::Same(_)));
        world.run_jobs();
        let states = [(3, VersionState::Retired), (2, VersionState::Retired), (1, VersionState::Current)];
        assert_eq!(numbers_and_states(world), states);
        assert_eq!(world.answer(), world.answer_if(&meaning(|_| ()), 10));
    }

    fn only_those_who_manage_metrics_change_them(world) {
        world.declare();
        let by_region = NewMetricVersion { wish: wish(by_region()), reason: None };
        for role in [Role::Support, Role::Viewer] {
            let refused = world.engine.change_metric(&world.member(role), KEY, &by_region).unwrap_err();
            assert_eq!(refused.to_refusal().code, Code::Forbidden);
        }
        let unknown = world.engine.change_metric(&world.owner(), "nothing", &by_region).unwrap_err();
        assert_eq!(unknown.to_refusal().code, Code::NotFound);
        let nonsense = NewMetricVersion {
            wish: wish(meaning(|metric| metric.aggregation = Aggregation::Unique)),
            reason: None,
        };
        let refused = world.engine.change_metric(&world.owner(), KEY, &nonsense).unwrap_err().to_refusal();
        assert_eq!((refused.code, refused.first_field()), (Code::InvalidValue, Some("uniqueProperty")));
    }
}
