//! `/projects/{projectId}/catalog` and the things in it besides metrics and plans.

mod apply;
mod items;
mod mistakes;

use http::Method;
use serde_json::Value;

use crate::plans::Shop;
use crate::world::Reply;

/// A small catalog as people write it.
pub const FILE: &str = "\
metrics:
  - { key: api_calls, name: API calls, aggregation: sum, dimensions: [region] }
taxCategories:
  - { key: saas, name: SaaS }
taxRates:
  - { key: de-saas, name: VAT, category: saas, country: DE, percent: 19 }
plans:
  - key: team
    name: Team
    currency: EUR
    prices:
      - key: base
        name: Base fee
        interval: { unit: month }
        timing: advance
        taxCategory: saas
        terms: { model: { type: recurring, amount: 49 } }
      - key: calls
        name: Calls
        metric: api_calls
        interval: { unit: month }
        timing: arrears
        terms:
          model: { type: perUnit, unitPrice: 0.0020 }
          rates:
            - when: { region: eu }
              model: { type: perUnit, unitPrice: 0.000000150000 }
";

impl Shop<'_> {
    pub fn send_file(&self, path: &str, file: &str) -> Reply {
        self.request(Method::POST, path).typed("application/yaml", file.to_owned()).send()
    }

    pub fn apply(&self, file: &str) -> Value {
        self.send_file("/catalog/apply", file).expect(200)
    }

    pub fn differences(&self, file: &str) -> Vec<String> {
        let plan = self.send_file("/catalog/plan", file).expect(200);
        let line = |difference: &Value| {
            format!("{} {}", difference["change"].as_str().unwrap(), difference["path"].as_str().unwrap())
        };
        plan["differences"].as_array().unwrap().iter().map(line).collect()
    }

    pub fn export(&self) -> String {
        let reply = self.request(Method::GET, "/catalog").header("accept", "application/yaml").send();
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/yaml")));
        reply.text
    }
}
