//! The OpenAPI 3.1 document: what all operations share, so that a handler declares only what is its own.

use domain::access::Permission;
use engine::problem::Problem;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths, Ref, RefOr, Required,
    Response, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use crate::guard::Guard;

const ABOUT: &str = "\
Events become ledger entries, entries become invoices. Usage and money requests carry an `Idempotency-Key`: a repeated \
request gets the first answer, byte for byte, marked `Idempotent-Replayed: true`. Amounts and quantities are decimal strings \
with six places. Lists come in pages: pass `nextCursor` as `cursor`. Every refusal is a problem (RFC 9457) whose `code` is \
stable and listed in `/docs/errors`.";

/// The document before its first route.
pub(crate) fn base() -> OpenApi {
    let mut components = Components::new();
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    let mut referenced = Vec::new();
    <Problem as ToSchema>::schemas(&mut referenced);
    components.schemas.extend(referenced);
    for (_, name, about) in REFUSALS {
        components.responses.insert(name.to_owned(), problem(about).into());
    }
    components.security_schemes.insert("user".to_owned(), user_scheme().into());
    components.security_schemes.insert("accessKey".to_owned(), access_key_scheme().into());
    let info = InfoBuilder::new()
        .title("Neruba")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    OpenApiBuilder::new().info(info).paths(Paths::new()).components(Some(components)).build()
}

fn user_scheme() -> SecurityScheme {
    let about = "The access token of a user, from `POST /auth/login`.";
    SecurityScheme::Http(
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(about)).build(),
    )
}

fn access_key_scheme() -> SecurityScheme {
    let about = "An access key of one project, with scopes.";
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("x-api-key", about)))
}

/// Adds what follows from the path and the guard: path parameters, security, and how the operation refuses.
pub(crate) fn complete(operation: &mut Operation, path: &str, guard: Guard) {
    let parameters = operation.parameters.get_or_insert_default();
    for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        let is_declared = parameters.iter().any(|known| matches!(known, RefOr::T(known) if known.name == name));
        if !is_declared {
            parameters.push(path_parameter(name).into());
        }
    }
    if matches!(guard, Guard::Project(_)) {
        parameters.push(access_grant().into());
    }
    operation.security = Some(security(guard));
    for (status, name, _) in REFUSALS.iter().filter(|(status, ..)| can_refuse(guard, status)) {
        let refusal = || RefOr::Ref(Ref::from_response_name(*name));
        operation.responses.responses.entry((*status).to_owned()).or_insert_with(refusal);
    }
}

fn path_parameter(name: &str) -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(text))
        .build()
}

fn access_grant() -> Parameter {
    let about = "The id of an open access grant (`grt_…`): how a platform admin looks into a project.";
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    ParameterBuilder::new()
        .name("Neruba-Access-Grant")
        .parameter_in(ParameterIn::Header)
        .description(Some(about))
        .required(Required::False)
        .schema(Some(text))
        .build()
}

fn security(guard: Guard) -> Vec<SecurityRequirement> {
    let user = || SecurityRequirement::new::<_, [&str; 0], &str>("user", []);
    let key = |permission: Permission| {
        let scopes = permission.scopes().iter().map(|scope| scope.as_str());
        SecurityRequirement::new("accessKey", scopes)
    };
    match guard {
        Guard::Public => Vec::new(),
        Guard::Authenticated | Guard::PlatformAdmin => vec![user()],
        Guard::Project(permission) if permission.scopes().is_empty() => vec![user()],
        Guard::Project(permission) => vec![user(), key(permission)],
        Guard::AccessKey(permission) => vec![key(permission)],
    }
}

/// How operations refuse, described once: status, name in the document, meaning.
const REFUSALS: [(&str, &str, &str); 5] = [
    ("401", "Unauthenticated", "No credential, or one that is not valid."),
    ("403", "Forbidden", "The credential does not permit this."),
    ("404", "NotFound", "No such thing, or not for this credential."),
    ("429", "RateLimited", "Too many requests; `Retry-After` says how long to wait."),
    ("default", "Refused", "Any other refusal; its `code` says which."),
];

fn can_refuse(guard: Guard, status: &str) -> bool {
    match (guard, status) {
        (_, "default") => true,
        (Guard::Public, _) => false,
        (Guard::Authenticated | Guard::PlatformAdmin | Guard::AccessKey(_), "404") => false,
        (Guard::Authenticated | Guard::PlatformAdmin | Guard::AccessKey(_) | Guard::Project(_), _) => true,
    }
}

fn problem(about: &str) -> Response {
    let schema = Ref::from_schema_name(Problem::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(about).content("application/problem+json", content).build()
}
