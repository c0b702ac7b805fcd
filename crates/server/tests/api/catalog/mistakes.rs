//! Mistakes in a catalog: every one at once, each with its path and, in YAML, with its line. Nothing of the file is applied.

use domain::refusal::Code;
use http::Method;
use serde_json::{Value, json};

use super::FILE;
use crate::plans::Shop;
use crate::world::on_both;

/// Path and line of every mistake.
fn places(problem: &Value) -> Vec<(String, Option<u64>)> {
    let errors = problem["errors"].as_array().unwrap().iter();
    errors.map(|error| (error["field"].as_str().unwrap().to_owned(), error["line"].as_u64())).collect()
}

fn at(path: &str, line: u64) -> (String, Option<u64>) {
    (path.to_owned(), Some(line))
}

on_both! {
    fn every_broken_rule_is_named_with_its_line(world) {
        let shop = Shop { world, project: world.project() };
        let file = FILE
            .replace("country: DE, percent: 19", "country: de, percent: 190")
            .replace("taxCategory: saas", "taxCategory: books")
            .replace("timing: arrears", "timing: advance")
            .replace("unitPrice: 0.0020", "unitPrice: -0.0020")
            .replace("when: { region: eu }", "when: { zone: eu }");
        for path in ["/catalog/plan", "/catalog/apply"] {
            let problem = shop.send_file(path, &file).refused(Code::InvalidCatalog);
            assert_eq!(places(&problem), [
                at("taxRates[0].percent", 6),
                at("taxRates[0].country", 6),
                at("plans[0].prices[0].taxCategory", 16),
                at("plans[0].prices[1].terms.model.unitPrice", 24),
                at("plans[0].prices[1].timing", 22),
                at("plans[0].prices[1].terms.rates[0].when.zone", 26),
            ]);
        }
        assert_eq!(shop.get("/catalog")["taxCategories"], json!([]));
    }

    fn what_cannot_be_read_is_named_with_its_line(world) {
        let shop = Shop { world, project: world.project() };
        for (from, to, code, path, place) in [
            ("currency: EUR", "currency: Euro", Code::InvalidValue, "plans[0].currency", "currency: Euro"),
            ("taxCategory: saas", "taxCategry: saas", Code::UnknownField, "plans[0].prices[0].taxCategry", "taxCategry"),
            ("0.0020", "2e-3", Code::InvalidValue, "plans[0].prices[1].terms.model.unitPrice", "2e-3"),
            ("amount: 49", "amout: 49", Code::UnknownField, "plans[0].prices[0].terms.model.amout", "amout"),
            ("name: Base fee", "name: [Base fee]", Code::InvalidType, "plans[0].prices[0].name", "[Base fee]"),
            ("        timing: advance\n", "", Code::MissingField, "plans[0].prices[0].timing", "- key: base"),
        ] {
            let file = FILE.replacen(from, to, 1);
            let line = (1..).zip(file.lines()).find(|(_, text)| text.contains(place)).unwrap().0;
            let problem = shop.send_file("/catalog/apply", &file).refused(code);
            assert_eq!(places(&problem), [at(path, line)]);
            assert!(problem["detail"].as_str().unwrap().starts_with(&format!("Line {line}: ")), "{problem}");
        }
        let problem = shop.send_file("/catalog/apply", "plans: [").refused(Code::MalformedYaml);
        assert_eq!(places(&problem), [at("body", 2)]);
    }

    fn what_a_file_breaks_elsewhere_is_named_by_its_key(world) {
        let shop = Shop { world, project: world.project() };
        shop.apply(FILE);
        let file = "metrics:\n  - { key: api_calls, name: API calls, aggregation: sum }\n";
        let problem = shop.send_file("/catalog/apply", file).refused(Code::InvalidCatalog);
        assert_eq!(places(&problem)[0].0, "plans[team].prices[1].terms.rates[0].when.region");
        let problem = shop.send_file("/catalog/apply?prune=true", "taxRates:\n- { key: de, name: VAT, category: saas, percent: 19 }\n");
        assert_eq!(places(&problem.refused(Code::InvalidCatalog)), [at("taxRates[0].category", 2)]);
    }

    fn json_has_paths_and_no_lines(world) {
        let shop = Shop { world, project: world.project() };
        let body = json!({ "taxRates": [{ "key": "de", "name": "VAT", "percent": "190" }] });
        assert_eq!(places(&shop.post("/catalog/apply", body).refused(Code::InvalidCatalog)), [("taxRates[0].percent".to_owned(), None)]);
        let body = json!({ "taxRates": [{ "key": "de", "name": "VAT", "percent": 19 }] });
        shop.post("/catalog/apply", body).refused(Code::InvalidType);
    }

    fn only_json_and_yaml_are_read_and_not_without_end(world) {
        let shop = Shop { world, project: world.project() };
        let send = |kind: &str, text: String| shop.request(Method::POST, "/catalog/plan").typed(kind, text).send();
        send("text/plain", FILE.to_owned()).refused(Code::UnsupportedMediaType);
        send("text/yaml; charset=utf-8", FILE.to_owned()).expect(200);
        send("application/yaml", format!("# {}\n", "x".repeat(1024 * 1024))).refused(Code::PayloadTooLarge);
    }
}
