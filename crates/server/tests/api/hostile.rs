//! Bodies and parameters nobody should send, to every route: refused with a problem, never a failure of ours.
//!
//! promise P39

use domain::access::Scope;
use domain::refusal::Code;
use http::Method;
use serde_json::{Map, Value, json};
use server::Guard;
use server::routes::RouteRow;

use crate::matrix::path;
use crate::world::{Project, Request, World, on_both};

/// What may stand in the place of any value.
fn values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(i64::MAX),
        json!(u64::MAX),
        serde_json::from_str("1e400").unwrap_or(json!("1e400")),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("\u{202e}ŧėxŧ"),
        json!("1e3"),
        json!("NaN"),
        json!("-5"),
        json!("1.0000001"),
        json!("9223372036854775807.000000"),
        json!("0000-00-00T00:00:00Z"),
        json!("9999-12-31T23:59:59Z"),
        json!("2026-13-45T99:99:99+99:99"),
        json!("'; drop table users; --"),
        json!("x".repeat(20_000)),
        json!([]),
        json!([[[]]]),
        json!({}),
        json!({ "": {} }),
        json!([null, 1, "x", {}]),
    ]
}

/// Bodies that are no JSON object at all.
const RAW: [&[u8]; 12] = [
    b"",
    b" ",
    b"{",
    b"}",
    b"[",
    b"nul",
    b"\"",
    b"{\"a\":1,}",
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"{\"a\":1}{\"b\":2}",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
];

/// The names of the fields a route reads, from the document it publishes.
pub fn fields(row: &RouteRow) -> Vec<String> {
    let document = serde_json::to_value(server::api().openapi()).unwrap();
    let content = &document["paths"][&row.path][row.method.to_ascii_lowercase()]["requestBody"]["content"];
    let schemas = content.as_object().into_iter().flatten().map(|(_, content)| &content["schema"]);
    let resolved = schemas.map(|schema| match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    });
    resolved
        .flat_map(|schema| schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()))
        .collect()
}

struct Sender<'w> {
    world: &'w World,
    project: Project,
    key: String,
}

impl<'w> Sender<'w> {
    fn request(&self, row: &RouteRow) -> Request<'w> {
        let method: Method = row.method.parse().unwrap();
        let request = self.world.request(method, &path(row, &self.project.id)).idempotency("hostile");
        match row.guard {
            Guard::AccessKey(_) => request.key(&self.key),
            Guard::Public | Guard::Authenticated | Guard::PlatformAdmin | Guard::Project(_) => {
                request.bearer(&self.project.owner.token)
            }
        }
    }
}

on_both! {
    fn no_body_makes_a_route_fail(world) {
        let project = world.project();
        let key = world.access_key(&project, Scope::ALL);
        let sender = Sender { world, project, key };
        // Ending the session would end the story.
        let writing = |row: &RouteRow| row.method != "GET" && row.path != "/auth/logout";
        for row in server::api().rows().into_iter().filter(writing) {
            for raw in RAW {
                sender.request(&row).raw(raw.to_vec()).send();
            }
            for value in values() {
                sender.request(&row).json(value).send();
            }
            let fields = fields(&row);
            for field in &fields {
                for value in values() {
                    let mut body: Map<String, Value> = fields.iter().map(|name| (name.clone(), json!("1"))).collect();
                    body.insert(field.clone(), value);
                    sender.request(&row).json(Value::Object(body)).send();
                }
            }
        }
        world.verify_all();
    }

    fn no_parameter_makes_a_route_fail(world) {
        let project = world.project();
        let key = world.access_key(&project, Scope::ALL);
        let sender = Sender { world, project, key };
        let texts = ["", "%00", "%ff", "-1", "0", "201", "99999999999999999999", "a%26b", "2026-03-17", "9999-12-31T23:59:59Z"];
        for row in server::api().rows().into_iter().filter(|row| row.method == "GET") {
            for name in &row.query {
                for text in texts {
                    let place = format!("{}?{name}={text}", path(&row, &sender.project.id));
                    let request = match row.guard {
                        Guard::AccessKey(_) => world.get(place).key(&sender.key),
                        Guard::Public | Guard::Authenticated | Guard::PlatformAdmin | Guard::Project(_) => {
                            world.get(place).bearer(&sender.project.owner.token)
                        }
                    };
                    request.send();
                }
            }
        }
    }

    fn a_body_of_another_type_is_refused_by_name(world) {
        let project = world.project();
        let reply = world.post("/projects").bearer(&project.owner.token).typed("text/plain", "{}").send();
        reply.refused(Code::UnsupportedMediaType);
        world.post("/auth/login").typed("application/x-www-form-urlencoded", "a=b").refused(Code::UnsupportedMediaType);
    }

    fn two_credentials_at_once_are_refused(world) {
        let project = world.project();
        let key = world.access_key(&project, &[Scope::BillingRead]);
        let problem = world.get("/auth/me").bearer(&project.owner.token).key(key).refused(Code::InvalidHeader);
        assert_eq!(problem["errors"][0]["field"], "x-api-key");
    }
}
