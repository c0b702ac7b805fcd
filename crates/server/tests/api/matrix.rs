//! Every route, by everybody: generated from the router, so that a new route is in it without anybody thinking of it.
//!
//! promise P35

use domain::access::{Permission, Role, Scope};
use domain::ids::InvoiceId;
use domain::ids::{
    AccessGrantId, AccessKeyId, BacktestId, BillingRunId, CreditNoteId, CustomerId, EntryId, EventId, JobId,
    LateUsageId, ProjectId, RejectionId, SubscriptionChangeId, SubscriptionId, UsageCorrectionId, UserId,
};
use domain::refusal::Code;
use http::Method;
use serde_json::json;
use server::Guard;
use server::routes::RouteRow;
use uuid::Uuid;

use crate::world::{Reply, World, on_both, text};

/// Who tries: what they hold, and what they send.
struct Visitor {
    name: String,
    holds: Holds,
    headers: Vec<(&'static str, String)>,
}

enum Holds {
    /// No credential, or one that is none.
    Nothing,
    /// A user who is in another project only.
    Elsewhere,
    Role(Role),
    /// An access key of the project.
    Scopes(Vec<Scope>),
    /// An access key of another project, with every scope.
    KeyElsewhere,
    /// A platform admin without an access grant.
    Admin,
    /// A platform admin with an open access grant of the project.
    AdminInside,
}

/// What the guard must do.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    LetIn,
    Refuse(Code),
}

use Expected::{LetIn, Refuse};

/// What a guard refuses with, and nothing behind it when the request is empty.
const AT_THE_GATE: [Code; 4] = [Code::Unauthenticated, Code::Forbidden, Code::MissingScope, Code::AccessGrantRequired];

fn expected(guard: Guard, holds: &Holds) -> Expected {
    let only_if = |is_held: bool, code: Code| if is_held { LetIn } else { Refuse(code) };
    match (guard, holds) {
        (Guard::Public, _) => LetIn,
        (_, Holds::Nothing) => Refuse(Code::Unauthenticated),
        (Guard::Authenticated | Guard::PlatformAdmin, Holds::Scopes(_) | Holds::KeyElsewhere) => {
            Refuse(Code::Forbidden)
        }
        (Guard::Authenticated, Holds::Elsewhere | Holds::Role(_) | Holds::Admin | Holds::AdminInside) => LetIn,
        (Guard::PlatformAdmin, Holds::Admin | Holds::AdminInside) => LetIn,
        (Guard::PlatformAdmin, Holds::Elsewhere | Holds::Role(_)) => Refuse(Code::Forbidden),
        (Guard::Project(_), Holds::Elsewhere | Holds::KeyElsewhere) => Refuse(Code::NotFound),
        (Guard::Project(_), Holds::Admin) => Refuse(Code::AccessGrantRequired),
        (Guard::Project(permission), Holds::Role(role)) => only_if(permission.held_by_role(*role), Code::Forbidden),
        (Guard::Project(permission), Holds::AdminInside) => {
            only_if(permission.held_by_role(Role::Viewer), Code::Forbidden)
        }
        (Guard::Project(permission) | Guard::AccessKey(permission), Holds::Scopes(scopes)) => {
            only_if(permission.held_by_scopes(scopes), Code::MissingScope)
        }
        // A key names its own project: it gets in there, and nowhere else.
        (Guard::AccessKey(_), Holds::KeyElsewhere) => LetIn,
        (Guard::AccessKey(_), Holds::Elsewhere | Holds::Role(_) | Holds::Admin | Holds::AdminInside) => {
            Refuse(Code::Forbidden)
        }
    }
}

/// Ids of things that do not exist: whoever is let in finds nothing, and nothing is changed.
pub fn path(row: &RouteRow, project: &str) -> String {
    let nothing = Uuid::from_u128(7);
    path_of(row, |name| match name {
        "projectId" => project.to_owned(),
        "userId" => UserId::from_uuid(nothing).to_string(),
        "keyId" => AccessKeyId::from_uuid(nothing).to_string(),
        "grantId" => AccessGrantId::from_uuid(nothing).to_string(),
        "customerId" => CustomerId::from_uuid(nothing).to_string(),
        "transactionId" | "entryId" => EntryId::from_uuid(nothing).to_string(),
        "lateUsageId" => LateUsageId::from_uuid(nothing).to_string(),
        "correctionId" => UsageCorrectionId::from_uuid(nothing).to_string(),
        "rejectionId" => RejectionId::from_uuid(nothing).to_string(),
        "backtestId" => BacktestId::from_uuid(nothing).to_string(),
        "billingRunId" => BillingRunId::from_uuid(nothing).to_string(),
        "jobId" => JobId::from_uuid(nothing).to_string(),
        "eventId" => EventId::from_uuid(nothing).to_string(),
        "subscriptionId" => SubscriptionId::from_uuid(nothing).to_string(),
        "creditNoteId" => CreditNoteId::from_uuid(nothing).to_string(),
        "invoiceId" => InvoiceId::from_uuid(nothing).to_string(),
        "changeId" => SubscriptionChangeId::from_uuid(nothing).to_string(),
        "number" => "7".to_owned(),
        "key" | "file" => "no_such_thing".to_owned(),
        other => panic!("{}: say here what stands for {{{other}}}", row.path),
    })
}

/// The path of a route with its parameters filled in.
pub fn path_of(row: &RouteRow, value: impl Fn(&str) -> String) -> String {
    let parts = row.path.split('/').map(|part| match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
        Some(name) => value(name),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

fn visitors(world: &World, project: &crate::world::Project) -> Vec<Visitor> {
    let bearer = |token: &str| ("authorization", format!("Bearer {token}"));
    let visitor = |name: &str, holds, headers| Visitor { name: name.to_owned(), holds, headers };
    let stranger = world.person("stranger");
    let elsewhere = world.project_of(&stranger, "elsewhere");
    let admin = world.platform_admin();
    let grant = world
        .post(format!("/admin/projects/{}/access-grants", project.id))
        .bearer(&admin.token)
        .json(json!({ "reason": "the matrix looks inside", "expiresInMinutes": 60 }))
        .expect(201);
    let mut all = vec![
        visitor("nobody", Holds::Nothing, vec![]),
        visitor("a forged token", Holds::Nothing, vec![bearer("eyJhbGciOiJub25lIn0.e30.")]),
        visitor("a forged key", Holds::Nothing, vec![("x-api-key", "nrb_AAAA_AAAA".to_owned())]),
        visitor("a member of another project", Holds::Elsewhere, vec![bearer(&stranger.token)]),
        visitor("a platform admin", Holds::Admin, vec![bearer(&admin.token)]),
        visitor(
            "a platform admin with a grant",
            Holds::AdminInside,
            vec![bearer(&admin.token), ("neruba-access-grant", text(&grant["id"]))],
        ),
        visitor(
            "a key of another project",
            Holds::KeyElsewhere,
            vec![("x-api-key", world.access_key(&elsewhere, Scope::ALL))],
        ),
        visitor(
            "a key with all scopes",
            Holds::Scopes(Scope::ALL.to_vec()),
            vec![("x-api-key", world.access_key(project, Scope::ALL))],
        ),
    ];
    for scope in Scope::ALL {
        let key = world.access_key(project, &[*scope]);
        all.push(visitor(&format!("a key with {scope}"), Holds::Scopes(vec![*scope]), vec![("x-api-key", key)]));
    }
    for role in Role::ALL {
        let person = if *role == Role::Owner { project.owner.clone() } else { world.member(project, *role) };
        all.push(visitor(role.as_str(), Holds::Role(*role), vec![bearer(&person.token)]));
    }
    all
}

fn knock(world: &World, row: &RouteRow, project: &str, visitor: &Visitor) -> Reply {
    let method: Method = row.method.parse().unwrap();
    let request = world.request(method.clone(), &path(row, project)).idempotency("matrix");
    let request = visitor.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    if method == Method::GET { request.send() } else { request.json(json!({})).send() }
}

/// Routes that end the caller's session come last.
fn rows() -> Vec<RouteRow> {
    let mut rows = server::api().rows();
    rows.sort_by_key(|row| row.path == "/auth/logout");
    rows
}

on_both! {
    // checklist 6
    // checklist 7
    // checklist 10
    // checklist 11
    // checklist 12
    // checklist 13
    fn every_route_lets_in_exactly_those_it_declares(world) {
        let project = world.project();
        let mut wrong = Vec::new();
        let visitors = visitors(world, &project);
        for row in rows() {
            for visitor in &visitors {
                // The earlier visitors of this route logged themselves out.
                if row.path == "/auth/logout" && matches!(visitor.holds, Holds::AdminInside) {
                    continue;
                }
                let reply = knock(world, &row, &project.id, visitor);
                let is_right = match expected(row.guard, &visitor.holds) {
                    LetIn => !reply.code().is_some_and(|code| AT_THE_GATE.contains(&code)),
                    Refuse(code) => reply.code() == Some(code),
                };
                if !is_right {
                    wrong.push(format!("{} {}: {} got {} {:?}", row.method, row.path, visitor.name, reply.status, reply.code()));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        world.verify_all();
    }

    // checklist 11
    fn a_project_of_others_is_answered_like_one_that_never_was(world) {
        let project = world.project();
        let never = ProjectId::from_uuid(Uuid::from_u128(7)).to_string();
        let stranger = world.person("stranger");
        let elsewhere = world.project_of(&stranger, "elsewhere");
        let headers = [
            vec![("authorization", format!("Bearer {}", stranger.token))],
            vec![("x-api-key", world.access_key(&elsewhere, Scope::ALL))],
        ];
        for row in rows().into_iter().filter(|row| matches!(row.guard, Guard::Project(_))) {
            for headers in &headers {
                let visitor = Visitor { name: String::new(), holds: Holds::Elsewhere, headers: headers.clone() };
                let [of_others, never_was] = [&project.id, &never].map(|id| {
                    let reply = knock(world, &row, id, &visitor);
                    let mut body = reply.body();
                    body.as_object_mut().unwrap().remove("requestId");
                    let mut names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
                    names.sort();
                    (reply.status, body, names)
                });
                assert_eq!(of_others, never_was, "{} {}", row.method, row.path);
            }
        }
    }
}

#[test]
fn every_route_is_in_the_inventory_once() {
    let mut seen: Vec<(String, &str)> = rows().into_iter().map(|row| (row.path, row.method)).collect();
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all);
}

#[test]
fn every_permission_is_demanded_by_a_route_or_listed_as_waiting_for_one() {
    // The list may only shrink.
    const WAITING: &[Permission] = &[Permission::OwnersManage];
    let demanded: Vec<Permission> = rows()
        .into_iter()
        .filter_map(|row| match row.guard {
            Guard::Project(permission) | Guard::AccessKey(permission) => Some(permission),
            Guard::Public | Guard::Authenticated | Guard::PlatformAdmin => None,
        })
        .collect();
    for permission in Permission::ALL {
        assert!(demanded.contains(permission) != WAITING.contains(permission), "{permission}");
    }
}
