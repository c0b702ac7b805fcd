//! The OpenAPI document: complete, unambiguous, and the same as the committed one.

use std::collections::BTreeMap;
use std::path::Path;

use domain::access::Scope;
use domain::refusal::Code;
use serde_json::{Value, json};
use server::Guard;

use crate::matrix::path;
use crate::world::on_both;

fn document() -> Value {
    serde_json::to_value(server::api().openapi()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    all.collect()
}

#[test]
fn the_committed_files_are_what_the_code_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (path, text) in server::reference::files() {
        let committed = std::fs::read_to_string(root.join(path)).unwrap_or_default();
        assert!(committed == text, "{path} is out of date: run `cargo run -- reference` and review the difference");
    }
}

#[test]
fn no_two_schemas_share_a_name() {
    assert!(server::api().schema_clashes().is_empty(), "{:?}", server::api().schema_clashes());
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "{reference} is not in the document");
    }
}

#[test]
fn every_response_has_a_description() {
    let document = document();
    for (name, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let reference = response["$ref"].as_str().map(|reference| reference.trim_start_matches('#'));
            let response = reference.map_or(response, |reference| document.pointer(reference).unwrap());
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{name} {status}");
        }
    }
}

#[test]
fn every_operation_has_a_summary_a_tag_and_its_own_id() {
    let document = document();
    let mut seen = BTreeMap::new();
    for (name, operation) in operations(&document) {
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name} has no summary");
        assert!(operation["tags"][0].is_string(), "{name} has no tag");
        let id = operation["operationId"].as_str().unwrap();
        if let Some(other) = seen.insert(id, name.clone()) {
            panic!("{name} and {other} share the operationId {id}");
        }
    }
}

on_both! {
    fn a_route_that_demands_an_idempotency_key_says_so(world) {
        let project = world.project();
        let key = world.access_key(&project, Scope::ALL);
        let document = document();
        for row in server::api().rows().into_iter().filter(|row| row.method == "POST" && row.path != "/auth/logout") {
            let request = world.post(path(&row, &project.id)).json(json!({}));
            let request = match row.guard {
                Guard::AccessKey(_) => request.key(&key),
                Guard::Public | Guard::Authenticated | Guard::PlatformAdmin | Guard::Project(_) => {
                    request.bearer(&project.owner.token)
                }
            };
            let demands = request.send().code() == Some(Code::IdempotencyKeyRequired);
            let declared = document["paths"][&row.path]["post"]["parameters"].as_array().into_iter().flatten();
            let says_so = declared.filter(|known| known["name"] == "Idempotency-Key" && known["required"] == true).count() == 1;
            assert!(says_so || !demands, "{}", row.path);
        }
    }
}

#[test]
fn every_path_parameter_is_declared() {
    for (name, operation) in operations(&document()) {
        for parameter in name.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let declared = operation["parameters"].as_array().into_iter().flatten();
            assert_eq!(declared.filter(|known| known["name"] == parameter).count(), 1, "{name} {parameter}");
        }
    }
}
