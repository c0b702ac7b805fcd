//! What holds for every path: request ids, problems for what no handler sees, headers.

use domain::refusal::Code;
use http::Method;

use server::Settings;

use crate::world::{World, on_both};

on_both! {
    // checklist 100
    fn a_request_id_is_taken_over_or_made(world) {
        let reply = world.get("/health/live").header("x-request-id", "mine-1").send();
        assert_eq!(reply.header("x-request-id"), Some("mine-1"));
        for malformed in ["", "a b", "\"", &"x".repeat(65)] {
            let reply = world.get("/health/live").header("x-request-id", malformed).send();
            assert!(reply.header("x-request-id").unwrap().starts_with("req_"), "{malformed}");
        }
    }

    fn an_unknown_path_is_a_problem(world) {
        world.get("/nowhere").refused(Code::NotFound);
    }

    fn a_wrong_method_is_a_problem_that_names_the_right_one(world) {
        let reply = world.post("/health/live").send();
        reply.refused(Code::MethodNotAllowed);
        assert_eq!(reply.header("allow"), Some("GET,HEAD"));
    }

    fn an_unknown_query_parameter_is_named(world) {
        let problem = world.get("/health/live?verbose=1").refused(Code::InvalidQuery);
        assert_eq!(problem["errors"][0]["field"], "verbose");
    }

    fn replies_are_neither_sniffed_nor_cached(world) {
        let reply = world.get("/health/live").send();
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }

    fn replies_are_compressed_only_where_it_is_switched_on(world) {
        let settings = Settings { compress_replies: true, ..Settings::development() };
        let compressing = World::new(world.db.clone(), &format!("{} compressing", world.name), settings);
        let head = |world: &World| world.request(Method::HEAD, "/openapi.json").header("accept-encoding", "gzip").send();
        assert_eq!(head(&compressing).header("content-encoding"), Some("gzip"));
        assert_eq!(head(world).header("content-encoding"), None);
    }
}
