//! `/docs`, `/openapi.json`, `/metrics`: there in development, absent where they are not switched on.

use domain::refusal::Code;
use server::Settings;

use crate::world::{World, on_both};

on_both! {
    fn the_docs_page_needs_nothing_from_elsewhere(world) {
        let page = world.get("/docs/").send();
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")));
        assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'self'"));
        assert!(!page.text.contains("//"), "the page loads something from another host: {}", page.text);
        let script = world.get("/docs/swagger-initializer.js").send();
        assert!(script.text.contains("/openapi.json"), "{}", script.text);
        world.get("/docs/no-such-file").refused(Code::NotFound);
    }

    fn every_error_code_has_its_anchor(world) {
        let page = world.get("/docs/errors").send();
        for code in Code::ALL {
            assert!(page.text.contains(&format!("id=\"{code}\"")), "{code}");
        }
        assert!(page.text.contains("<code>detail</code>") && !page.text.contains('`'), "{}", page.text);
    }

    fn the_openapi_document_is_served(world) {
        assert_eq!(world.get("/openapi.json").expect(200)["openapi"], "3.1.0");
    }

    // checklist 103
    // checklist 104
    fn a_production_server_shows_none_of_them(world) {
        let closed = World::new(world.db.clone(), &format!("{} closed", world.name), Settings::production());
        for path in ["/docs", "/docs/", "/docs/errors", "/docs/index.html", "/openapi.json", "/metrics"] {
            closed.get(path).refused(Code::NotFound);
        }
    }
}
