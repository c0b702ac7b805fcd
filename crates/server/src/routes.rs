//! The list of routes: what `router.rs` writes down becomes the router, the OpenAPI document and the inventory of guards.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::middleware::from_fn_with_state;
use axum::routing::MethodRouter;
use domain::refusal::{Code, Refusal};
use http::Uri;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Components, OpenApi, RefOr};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::app::App;
use crate::extract::BodyLimit;
use crate::guard::{Guard, enforce};
use crate::openapi;

/// One route as tests, docs and the guard see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRow {
    pub method: &'static str,
    /// With parameters as `{projectId}`.
    pub path: String,
    pub guard: Guard,
    /// Names of the query parameters it knows; others are refused.
    pub query: Vec<String>,
    pub body_limit: BodyLimit,
}

/// Routes on their way to a router. There is no way to add one without a guard.
pub struct Api {
    mounted: Vec<(Arc<RouteRow>, MethodRouter<App>)>,
    openapi: OpenApi,
    clashes: Vec<String>,
}

impl Api {
    pub(crate) fn new(openapi: OpenApi) -> Api {
        Api { mounted: Vec::new(), openapi, clashes: Vec::new() }
    }

    /// Adds one handler behind a guard: `routes!` with exactly one name.
    pub(crate) fn route(self, routes: UtoipaMethodRouter<App>, guard: Guard) -> Api {
        self.mount(routes, guard, BodyLimit::Usual)
    }

    /// Adds one handler that reads longer bodies than usual.
    pub(crate) fn large_route(self, routes: UtoipaMethodRouter<App>, guard: Guard, bytes_max: usize) -> Api {
        self.mount(routes, guard, BodyLimit::Bytes(bytes_max))
    }

    /// Adds a page for people, which is no part of the OpenAPI document.
    pub(crate) fn page(mut self, path: &str, methods: MethodRouter<App>, guard: Guard) -> Api {
        let path = path.to_owned();
        let row = RouteRow { method: "GET", path, guard, query: Vec::new(), body_limit: BodyLimit::Usual };
        self.mounted.push((Arc::new(row), methods));
        self
    }

    fn mount(mut self, (schemas, paths, methods): UtoipaMethodRouter<App>, guard: Guard, body_limit: BodyLimit) -> Api {
        self.add_schemas(schemas);
        for (path, mut item) in paths.paths {
            let mut operations = operations(&mut item);
            assert!(operations.len() == 1, "{path}: one handler per route, so that each has its own guard");
            for (method, operation) in &mut operations {
                openapi::complete(operation, &path, guard);
                let query = query_names(operation);
                let row = RouteRow { method, path: path.clone(), guard, query, body_limit };
                self.mounted.push((Arc::new(row), methods.clone()));
            }
            match self.openapi.paths.paths.get_mut(&path) {
                Some(known) => known.merge_operations(item),
                None => drop(self.openapi.paths.paths.insert(path, item)),
            }
        }
        self
    }

    fn add_schemas(&mut self, schemas: Vec<(String, RefOr<Schema>)>) {
        let known = &mut self.openapi.components.get_or_insert(Components::new()).schemas;
        for (name, schema) in schemas {
            match known.get(&name) {
                Some(other) if *other != schema => self.clashes.push(name),
                Some(_) => {}
                None => drop(known.insert(name, schema)),
            }
        }
    }

    /// Every route with its guard.
    pub fn rows(&self) -> Vec<RouteRow> {
        self.mounted.iter().map(|(row, _)| RouteRow::clone(row)).collect()
    }

    pub fn openapi(&self) -> &OpenApi {
        &self.openapi
    }

    /// Names that two different schemas claim: the document would silently show only one of them.
    pub fn schema_clashes(&self) -> &[String] {
        &self.clashes
    }

    pub(crate) fn into_router(self, app: &App) -> Router<App> {
        self.mounted.into_iter().fold(Router::new(), |router, (row, methods)| {
            let path = row.path.clone();
            router.route(&path, methods.route_layer(from_fn_with_state((app.clone(), row), enforce)))
        })
    }
}

impl RouteRow {
    /// # Errors
    /// [`Code::InvalidQuery`] naming a parameter that this route does not know: a misspelt filter must not return everything.
    pub(crate) fn check_query(&self, uri: &Uri) -> Result<(), Refusal> {
        if uri.query().is_none_or(str::is_empty) {
            return Ok(());
        }
        let malformed = |_| Refusal::new(Code::InvalidQuery, "The query string is not URL-encoded text.");
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(malformed)?;
        for (name, value) in pairs {
            // No stored text holds it, and one of the databases cannot even compare with it.
            if value.contains('\0') {
                return Err(Refusal::field(Code::InvalidQuery, name, "contains the character U+0000."));
            }
            if !self.query.contains(&name) {
                let known = match self.query.join(", ") {
                    none if none.is_empty() => "This path has no parameters.".to_owned(),
                    known => format!("Known here: {known}."),
                };
                return Err(Refusal::field(
                    Code::InvalidQuery,
                    name,
                    format!("is not a parameter of this path. {known}"),
                ));
            }
        }
        Ok(())
    }
}

fn operations(item: &mut PathItem) -> Vec<(&'static str, &mut Operation)> {
    let all = [
        ("GET", &mut item.get),
        ("PUT", &mut item.put),
        ("POST", &mut item.post),
        ("DELETE", &mut item.delete),
        ("PATCH", &mut item.patch),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?))).collect()
}

fn query_names(operation: &Operation) -> Vec<String> {
    operation
        .parameters
        .iter()
        .flatten()
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
            RefOr::T(_) | RefOr::Ref(_) => None,
        })
        .collect()
}
