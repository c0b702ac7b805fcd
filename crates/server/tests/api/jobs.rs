//! `/projects/{projectId}/jobs`.

use domain::ids::{BacktestId, JobId, ProjectId};
use domain::jobs::{BacktestSubject, Job, Subject};
use domain::refusal::Code;
use domain::time::Instant;
use serde_json::json;
use uuid::Uuid;

use crate::world::{World, on_both};

/// A job of a project, with an id of its own, that no node takes in the time of the stories.
pub fn queue(world: &World, project: &str, number: u128) -> JobId {
    let project: ProjectId = project.parse().unwrap();
    let id = JobId::from_uuid(Uuid::from_u128((u128::from(world.seed) << 64) + number));
    let subject = Subject::Backtest(BacktestSubject { backtest_id: BacktestId::from_uuid(id.uuid()) });
    let at = |text| Instant::parse(text).unwrap();
    let waiting = Job::new(id, subject, "Olivia".to_owned(), at("2026-03-17T10:00:00Z"));
    let job = Job { due_at: at("2999-01-01T00:00:00Z"), ..waiting };
    world.db.write("queue_job", project, |tx| storage::jobs::insert(tx, &job)).unwrap();
    id
}

on_both! {
    fn jobs_are_listed_the_newest_first_and_by_state(world) {
        let owner = world.owner();
        let project = world.project_of(&owner, "acme");
        let ids: Vec<String> = (1..=3).map(|number| queue(world, &project.id, number).to_string()).collect();
        let get = |path: &str| world.get(project.path(path)).bearer(&owner.token);
        let first = get("/jobs?limit=2").expect(200);
        let shown = |page: &serde_json::Value| -> Vec<String> {
            page["data"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(shown(&first), [ids[2].clone(), ids[1].clone()]);
        let second = get(&format!("/jobs?limit=2&cursor={}", first["nextCursor"].as_str().unwrap())).expect(200);
        assert_eq!((shown(&second), &second["nextCursor"]), (vec![ids[0].clone()], &json!(null)));
        assert_eq!(get("/jobs?state=done").expect(200)["data"], json!([]));
        assert_eq!(shown(&get("/jobs?kind=backtest&state=queued").expect(200)).len(), 3);
        let job = get(&format!("/jobs/{}", ids[0])).expect(200);
        assert_eq!(
            (&job["kind"], &job["state"], &job["done"], &job["createdBy"], &job["createdAt"]),
            (&json!("backtest"), &json!("queued"), &json!(0), &json!("Olivia"), &json!("2026-03-17T10:00:00.000Z"))
        );
        assert!(job.get("fence").is_none() && job.get("dueAt").is_none());
    }

    fn a_job_that_is_none_is_not_found_and_a_wrong_filter_is_refused(world) {
        let owner = world.owner();
        let project = world.project_of(&owner, "acme");
        let get = |path: &str| world.get(project.path(path)).bearer(&owner.token);
        get(&format!("/jobs/{}", JobId::from_uuid(Uuid::from_u128(7)))).refused(Code::NotFound);
        get("/jobs?state=asleep").refused(Code::InvalidQuery);
    }
}
