//! What a project decides about requests that leave something open, and the rules of time.

use domain::catalog::metric::MetricDefinition;
use domain::ingest::Outcome;
use domain::metrics::Aggregation;
use domain::projects::{Policies, UnknownPolicy};
use domain::refusal::Code;
use engine::audit_entries::AuditQuery;
use serde_json::json;

use super::send::tokens;
use crate::world::{World, on_both};

fn decide(world: &World, policies: &Policies) {
    world
        .db
        .write("test", world.project.id, |tx| -> Result<(), storage::StorageError> {
            let mut project = storage::projects::get(tx)?.unwrap();
            project.policies = policies.clone();
            storage::projects::update(tx, &project)
        })
        .unwrap();
}

on_both! {
    fn an_unknown_metric_is_made_and_left_for_somebody_to_declare(world) {
        world.send("k1", &tokens("1"));
        let metric = world.engine.get_metric(&world.owner(), "api_tokens").unwrap();
        assert_eq!((metric.aggregation, metric.declared), (Aggregation::Sum, false));
        let query = AuditQuery { action: Some("metric.autoCreated".to_owned()), ..AuditQuery::default() };
        assert_eq!(world.engine.list_audit_entries(&world.owner(), &query, 10).unwrap()[0].target, "api_tokens");
    }

    // checklist 27
    fn an_unknown_metric_is_refused_where_the_project_says_so(world) {
        decide(world, &Policies { unknown_metric: UnknownPolicy::Reject, ..Policies::NEW_PROJECT });
        let refused = world.send_refused("k1", &tokens("1"));
        assert_eq!(refused, (Outcome::Failed, Code::UnknownMetric, Some("metricKey".to_owned())));
    }

    fn an_unknown_customer_is_refused_unless_the_project_makes_it(world) {
        let body = json!({ "metricKey": "api_tokens", "units": "1", "customerKey": "acme" });
        let refused = world.send_refused("k1", &body);
        assert_eq!(refused, (Outcome::Failed, Code::UnknownCustomer, Some("customerKey".to_owned())));
        decide(world, &Policies { unknown_customer: UnknownPolicy::AutoCreate, ..Policies::NEW_PROJECT });
        assert_eq!(world.send("k1", &body).status, 201);
        assert_eq!(world.send("k2", &body).status, 201);
    }

    fn a_refused_event_brings_nothing_into_being(world) {
        decide(world, &Policies { unknown_customer: UnknownPolicy::AutoCreate, ..Policies::NEW_PROJECT });
        let body = json!({ "metricKey": "new", "units": "1", "customerKey": "acme", "timestamp": "2026-03-17T11:20:00Z" });
        assert_eq!(world.send_refused("k1", &body).1, Code::TimestampInFuture);
        assert!(world.engine.get_metric(&world.owner(), "new").is_err());
    }

    fn a_customer_key_can_be_demanded(world) {
        decide(world, &Policies { require_customer_key: true, ..Policies::NEW_PROJECT });
        let refused = world.send_refused("k1", &tokens("1"));
        assert_eq!(refused, (Outcome::Failed, Code::CustomerKeyRequired, Some("customerKey".to_owned())));
        let body = json!({ "metricKey": "api_tokens", "units": "1", "customerKey": "self" });
        assert_eq!(world.send("k1", &body).status, 201);
    }

    // checklist 35
    fn a_timestamp_more_than_five_minutes_ahead_is_refused(world) {
        let body = |at: &str| json!({ "metricKey": "api_tokens", "units": "1", "timestamp": at });
        assert_eq!(world.send("k1", &body("2026-03-17T10:25:00.000Z")).status, 201);
        let refused = world.send_refused("k2", &body("2026-03-17T10:25:00.001Z"));
        assert_eq!(refused, (Outcome::Failed, Code::TimestampInFuture, Some("timestamp".to_owned())));
    }

    // checklist 35, promise P8
    fn events_beyond_the_horizon_are_refused_but_their_keys_are_still_known(world) {
        let old = json!({ "metricKey": "api_tokens", "units": "1", "timestamp": "2020-01-01T00:00:00Z" });
        assert!(world.send("k1", &old).body.contains(r#""late":true"#));
        decide(world, &Policies { event_horizon_days: Some(30), ..Policies::NEW_PROJECT });
        let refused = world.send_refused("k2", &old);
        assert_eq!(refused, (Outcome::Failed, Code::TooOld, Some("timestamp".to_owned())));
        assert!(world.send("k1", &old).replayed);
        let body = |at: &str| json!({ "metricKey": "api_tokens", "units": "1", "timestamp": at });
        assert_eq!(world.send("k3", &body("2026-02-15T10:20:00.000Z")).status, 201);
        assert_eq!(world.send_refused("k4", &body("2026-02-15T10:19:59.999Z")).1, Code::TooOld);
    }

    fn only_a_count_metric_has_a_default_for_units(world) {
        let body = json!({ "metricKey": "logins" });
        let refused = world.send_refused("k1", &body);
        assert_eq!(refused, (Outcome::Failed, Code::MissingField, Some("units".to_owned())));
        let declare = MetricDefinition { aggregation: Aggregation::Count, ..MetricDefinition::plain("logins") };
        world.engine.declare_metric(&world.owner(), &declare).unwrap();
        assert!(world.send("k1", &body).body.contains(r#""units":"1.000000""#));
        world.send("k2", &json!({ "metricKey": "logins", "units": "7" }));
        // A count counts events, whatever units they carry.
        assert_eq!(world.used("logins"), ("2.000000".to_owned(), 2));
    }
}
