//! The catalog of a project through the API, against an imitation: what is sent, and how answers are understood.

use load::LoadError;
use load::account::Owner;
use load::catalog::{ApplyOptions, CatalogFile, CatalogOptions, CatalogSession, Format, Publication, Rest, Verdict};
use serde_json::{Value, json};

use crate::fake_server::{Answer, Received, serve};

fn answer(status: u16, body: &Value) -> Answer {
    Answer::json(status, &[("Content-Type", "application/json")], body.to_string().as_bytes())
}

/// Logs in, has two pages of projects, and gives this answer to everything about a catalog.
fn session(
    project: &str,
    catalog: impl Fn(&Received) -> Answer + Send + Sync + 'static,
) -> Result<CatalogSession, LoadError> {
    let base = serve(move |request| match request.path.as_str() {
        "/auth/login" => answer(200, &json!({ "accessToken": "token" })),
        "/projects?limit=200" => {
            let one = json!({ "id": "prj_1", "externalKey": "twice" });
            answer(200, &json!({ "data": [one], "nextCursor": "a b" }))
        }
        "/projects?limit=200&cursor=a%20b" => {
            let acme = json!({ "id": "prj_2", "externalKey": "acme" });
            let twice = json!({ "id": "prj_3", "externalKey": "twice" });
            answer(200, &json!({ "data": [acme, twice], "nextCursor": null }))
        }
        _ => catalog(request),
    });
    let owner = Owner { email: "owner@example.com".to_owned(), password: "x".to_owned() };
    CatalogSession::open(&CatalogOptions { base_url: base, owner, project: project.to_owned() })
}

fn file() -> CatalogFile {
    CatalogFile { bytes: b"plans: []\n".to_vec(), format: Format::of_name("catalog.yaml") }
}

#[test]
fn a_project_is_found_by_its_external_key_on_any_page() {
    assert_eq!(session("acme", |_| answer(200, &json!({}))).unwrap().project(), "prj_2");
    assert_eq!(session("prj_9", |_| answer(200, &json!({}))).unwrap().project(), "prj_9");
    let error = |project: &str| session(project, |_| answer(200, &json!({}))).err().unwrap().to_string();
    assert!(error("nobody").contains("no project with the externalKey \"nobody\""));
    assert!(error("twice").contains("name one of prj_1, prj_3"));
}

#[test]
fn a_file_is_sent_as_it_stands_and_only_to_the_catalog_that_was_seen() {
    let mut session = session("acme", |request| {
        assert_eq!(request.header("Content-Type"), Some("application/yaml"));
        assert_eq!((request.header("Authorization"), request.body.as_slice()), (Some("Bearer token"), b"plans: []\n".as_slice()));
        match request.path.as_str() {
            "/projects/prj_2/catalog/plan?prune=true" => {
                let removed = json!({ "change": "removed", "path": "plans[team]", "before": { "name": "Team" } });
                answer(200, &json!({ "digest": "d1", "differences": [removed] }))
            }
            "/projects/prj_2/catalog/apply?prune=false&publish=false&expectedDigest=d1&reasonCode=other&reason=a%20b" => answer(
                200,
                &json!({ "digest": "d2", "differences": [], "published": [], "drafts": [{ "plan": "team", "number": 3 }] }),
            ),
            other => panic!("{other}"),
        }
    })
    .unwrap();
    let Verdict::Accepted(planned) = session.plan(&file(), Rest::Goes).unwrap() else { panic!("refused") };
    assert_eq!((planned.digest.as_str(), planned.differences[0].path.as_str()), ("d1", "plans[team]"));
    assert_eq!(
        (planned.differences[0].before.clone(), planned.differences[0].after.clone()),
        (Some(json!({ "name": "Team" })), None)
    );
    let how = ApplyOptions {
        publication: Publication::Drafted,
        digest: "d1".to_owned(),
        reason_code: Some("other".to_owned()),
        reason: Some("a b".to_owned()),
    };
    let applied = session.apply(&file(), Rest::Stays, &how).unwrap();
    let Verdict::Accepted(applied) = applied else { panic!("refused") };
    assert_eq!((applied.drafts[0].plan.as_str(), applied.drafts[0].number), ("team", 3));
}

#[test]
fn a_refusal_keeps_its_places_and_anything_else_is_an_error() {
    let mut refusing = session("acme", |_| {
        let errors = json!([{ "field": "plans[0].key", "code": "invalid_value", "detail": "is wrong.", "line": 7 }]);
        answer(422, &json!({ "code": "invalid_catalog", "detail": "Line 7: …", "errors": errors }))
    })
    .unwrap();
    let Verdict::Refused(refused) = refusing.plan(&file(), Rest::Stays).unwrap() else { panic!("accepted") };
    assert_eq!((refused.code.as_str(), refused.errors[0].line), ("invalid_catalog", Some(7)));
    let mut forbidding = session("acme", |_| answer(403, &json!({ "code": "forbidden" }))).unwrap();
    assert!(matches!(forbidding.plan(&file(), Rest::Stays), Err(LoadError::Unexpected { status: 403, .. })));
    let mut senseless = session("acme", |_| answer(200, &json!({ "digest": 7 }))).unwrap();
    assert!(matches!(senseless.plan(&file(), Rest::Stays), Err(LoadError::MissingField { .. })));
}

#[test]
fn the_name_of_a_file_tells_its_format() {
    let formats = ["catalog.yaml", "catalog.yml", "catalog", "CATALOG.JSON"].map(Format::of_name);
    assert_eq!(formats, [Format::Yaml, Format::Yaml, Format::Yaml, Format::Json]);
}
