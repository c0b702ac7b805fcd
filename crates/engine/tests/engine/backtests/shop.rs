//! A shop with usage of every kind by customers of several zones, and versions of a plan to try on it.

use domain::backtests::{PlanVersionKey, ResultOrder};
use domain::catalog::metric::MetricDefinition;
use domain::catalog::plan::PlanDefinition;
use domain::customers::NewCustomer;
use domain::ids::BacktestId;
use domain::time::Instant;
use engine::backtests::{BacktestResultView, BacktestView, ResultQuery, StartBacktest};
use serde_json::{Value, json};

use crate::ingest::send::event;
use crate::world::World;

pub const FROM: &str = "2026-01-01T00:00:00Z";
pub const TO: &str = "2026-03-01T00:00:00Z";

/// What events are of; calls more often than the rest.
const METRICS: [&str; 7] = ["calls", "users", "storage", "runs", "payments", "carried", "calls"];

pub fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

/// A price of the metric `metric`, billed monthly in arrears.
pub fn price(key: &str, metric: &str, terms: Value) -> Value {
    json!({ "key": key, "name": key, "metric": metric, "interval": { "unit": "month" }, "timing": "arrears", "terms": terms })
}

pub fn per_unit(unit_price: &str) -> Value {
    json!({ "model": { "type": "perUnit", "unitPrice": unit_price } })
}

pub fn base(amount: &str) -> Value {
    json!({ "key": "base", "name": "base", "interval": { "unit": "month" }, "timing": "advance",
        "terms": { "model": { "type": "recurring", "amount": amount } } })
}

pub fn plan(prices: Value) -> Value {
    json!({ "key": "team", "name": "Team", "currency": "USD", "prices": prices })
}

/// Every kind of usage price, with a change in the middle of the range.
pub fn everything() -> Value {
    let tiers = json!([{ "upTo": "20", "unitPrice": "0.10" }, { "unitPrice": "0.07", "flatFee": "1.5" }]);
    let regional = json!({
        "model": { "type": "perUnit", "unitPrice": "0.3" },
        "rates": [{ "when": { "region": "eu" }, "model": { "type": "graduated", "tiers": tiers } }],
        "included": "2.5",
    });
    let mut calls = price("calls", "calls", regional);
    calls["changes"] = json!([{ "effectiveFrom": "2026-02-11T09:30:00Z", "terms": per_unit("0.2") }]);
    let package = json!({ "model": { "type": "package", "size": "10", "price": "2" }, "minimum": "1" });
    let mut weekly = price("weekly", "runs", package);
    weekly["interval"] = json!({ "unit": "week" });
    let percentage = json!({ "model": {
        "type": "percentage", "percent": "2.9", "fixedFee": "0.05", "minimumPerEvent": "0.1", "maximumPerEvent": "0.3" } });
    plan(json!([
        base("9.99"),
        calls,
        weekly,
        price(
            "users",
            "users",
            json!({ "model": { "type": "volume", "tiers": [{ "upTo": "2", "unitPrice": "1" }, { "unitPrice": "0.9" }] } })
        ),
        price("storage", "storage", per_unit("0.013")),
        price("payments", "payments", percentage),
        price("carried", "carried", json!({ "model": { "type": "dynamic", "amountProperty": "cost" }, "cap": "40" })),
    ]))
}

impl World {
    /// Metrics of every kind, and so many customers.
    pub fn open_shop(&self, customers: u32) {
        for definition in [
            json!({ "key": "calls", "name": "Calls", "aggregation": "sum", "dimensions": ["region"] }),
            json!({ "key": "users", "name": "Users", "aggregation": "unique", "uniqueProperty": "user" }),
            json!({ "key": "runs", "name": "Runs", "aggregation": "count" }),
            json!({ "key": "payments", "name": "Payments", "aggregation": "sum" }),
            json!({ "key": "carried", "name": "Carried", "aggregation": "sum" }),
            json!({ "key": "storage", "name": "Storage", "aggregation": "weightedSum", "weightedUnit": "day" }),
        ] {
            let definition: MetricDefinition = serde_json::from_value(definition).unwrap();
            self.engine.declare_metric(&self.owner(), &definition).unwrap();
        }
        self.add_customers(0..customers);
    }

    pub fn add_customers(&self, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let zones = [None, Some("Asia/Kolkata"), Some("America/New_York")];
            let time_zone = zones[usize::try_from(number % 3).unwrap()].map(str::to_owned);
            let new = NewCustomer { time_zone, ..customer(&customer_key(number)) };
            self.engine.create_customer(&self.owner(), None, &new).unwrap();
        }
    }

    /// So many customers that use nothing.
    pub fn add_idle_customers(&self, count: u32) {
        let ctx = self.owner();
        let idle: Vec<_> = (0..count)
            .map(|number| customer(&format!("idle-{number}")).into_customer(ctx.new_id(), ctx.now()))
            .collect();
        self.db.write("add_idle", self.project.id, |tx| storage::customers::insert_missing(tx, &idle)).unwrap();
    }

    /// Each of the customers uses everything, in January and February and around them.
    pub fn use_shop(&self, customers: u32) {
        let mut events = Vec::new();
        for number in 0..21 * customers {
            let (customer, round) = (number % customers, number / customers);
            let (month, day, hour) = (round % 3 + 1, (3 * number + round) % 28 + 1, (7 * number + 20) % 24);
            let timestamp = format!("2026-{month:02}-{day:02}T{hour:02}:{:02}:00Z", number % 60);
            if at(&timestamp) > self.owner().now() {
                continue;
            }
            let metric = METRICS[usize::try_from((number + round) % 7).unwrap()];
            let region = ["eu", "us"][usize::try_from(number % 2).unwrap()];
            events.push(event(&format!("e{number}"), &json!({
                "metricKey": metric, "units": format!("{}.25", number % 40 + 1), "timestamp": timestamp,
                "customerKey": customer_key(customer),
                "properties": { "region": region, "user": format!("u{}", number % 5), "cost": format!("0.{}", number % 90 + 10) },
            })));
        }
        for batch in events.chunks(400) {
            self.send_batch(batch);
        }
    }

    pub fn draft(&self, plan: Value) {
        let definition: PlanDefinition = serde_json::from_value(plan).unwrap();
        let made = self.engine.get_plan(&self.owner(), &definition.key);
        match made {
            Ok(_) => self.engine.draft_plan_version(&self.owner(), None, &definition.key, &definition).unwrap(),
            Err(_) => self.engine.create_plan(&self.owner(), None, &definition).unwrap(),
        };
    }

    pub fn publish(&self, number: u32) {
        self.engine.publish_plan_version(&self.owner(), None, "team", number).unwrap();
    }

    /// Starts a backtest of a version of the plan, and leaves it to the job.
    pub fn backtest(&self, version: u32) -> BacktestId {
        self.start(&wish(version)).unwrap()
    }

    pub fn start(&self, wish: &StartBacktest) -> Result<BacktestId, engine::Error> {
        let answer = self.engine.start_backtest(&self.owner(), None, wish)?;
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        Ok(body["id"].as_str().unwrap().parse().unwrap())
    }

    pub fn told(&self, id: BacktestId) -> BacktestView {
        self.engine.get_backtest(&self.owner(), id).unwrap()
    }

    /// Every result, in pages of seven.
    pub fn results(&self, id: BacktestId, order: ResultOrder) -> Vec<BacktestResultView> {
        let mut all: Vec<BacktestResultView> = Vec::new();
        loop {
            let after = all.last().map(|last| (last.difference, last.customer_key.clone()));
            let query = ResultQuery { order, after };
            let page = self.engine.list_backtest_results(&self.owner(), id, &query, 7).unwrap();
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }
}

pub fn wish(version: u32) -> StartBacktest {
    StartBacktest {
        plan: PlanVersionKey { key: "team".to_owned(), version },
        baseline: None,
        from: at(FROM),
        to: at(TO),
        customer_keys: None,
    }
}

pub fn customer_key(number: u32) -> String {
    format!("customer-{number:03}")
}

pub fn customer(key: &str) -> NewCustomer {
    NewCustomer::with_key(key)
}
