//! A dry run writes nothing but its report, and the run that follows it does what the report says, to the last digit.

use std::collections::BTreeMap;

use domain::billing::report::{ReportFilter, ReportFlag, ReportOutcome};
use domain::billing::run::{ItemState, RunMode, RunPhase, RunScope};
use domain::catalog::Catalog;
use domain::catalog::whole::Rest;
use domain::customers::NewCustomer;
use domain::ids::BillingRunId;
use domain::projects::{Change, ProjectChange};
use domain::refusal::Code;
use domain::subscriptions::request::When;
use domain::subscriptions::wish::{ChangeWish, NewSubscription};
use engine::billing::reports::{LineView, ReportInvoiceView, RunReport};
use engine::billing::runs::RunView;
use engine::catalog::apply::{ApplyCatalog, Publication};
use serde_json::{Value, json};
use storage::{Dialect, raw};

use super::desk::hybrid;
use crate::backtests::shop::{at, base, customer, customer_key, per_unit, plan, price};
use crate::ledger::money::{grant, paid};
use crate::world::{World, on_both};

/// What a dry run may write.
const WRITTEN: [&str; 6] = [
    "billing_runs",
    "jobs",
    "audit_entries",
    "billing_report_items",
    "billing_report_lines",
    "billing_report_invoices",
];

impl World {
    /// Tells what would be billed until an instant.
    pub fn rehearse(&self, as_of: Option<&str>) -> BillingRunId {
        self.rehearse_scope(as_of, RunScope::default())
    }

    pub fn rehearse_scope(&self, as_of: Option<&str>, scope: RunScope) -> BillingRunId {
        let id = self.start_run(RunMode::DryRun, as_of, scope).unwrap();
        self.engine.run_jobs_of(self.project.id).unwrap();
        let run = self.billing_run(id);
        assert_eq!((run.phase, run.mode, run.error), (RunPhase::Done, RunMode::DryRun, None));
        id
    }

    pub fn report(&self, id: BillingRunId) -> RunReport {
        self.engine.billing_report(&self.owner(), id).unwrap()
    }

    pub fn report_lines(&self, id: BillingRunId) -> Vec<LineView> {
        let mut lines: Vec<LineView> = Vec::new();
        loop {
            let after = lines.last().map(LineView::position);
            let page = self.engine.list_billing_report_lines(&self.owner(), id, after, 7).unwrap();
            if page.is_empty() {
                return lines;
            }
            lines.extend(page);
        }
    }

    pub fn report_invoices(&self, id: BillingRunId) -> Vec<ReportInvoiceView> {
        self.engine.list_billing_report_invoices(&self.owner(), id, ReportFilter::default(), None, 1_000).unwrap()
    }

    fn flagged(&self, id: BillingRunId, flag: ReportFlag) -> Vec<String> {
        let filter = ReportFilter { flag: Some(flag), ..ReportFilter::default() };
        let found = self.engine.list_billing_report_invoices(&self.owner(), id, filter, None, 1_000).unwrap();
        assert!(found.iter().all(|invoice| invoice.flags.contains(&flag)));
        found.into_iter().map(|invoice| invoice.customer_key).collect()
    }

    /// Every row of every table of the project, as text.
    fn everything(&self) -> BTreeMap<String, Vec<String>> {
        let tables = "-- t
            select table_name from information_schema.columns
            where table_schema = current_schema() and column_name = 'project_id'";
        let tables_of_sqlite = "-- t
            select m.name from sqlite_schema m join pragma_table_info(m.name) c on c.name = 'project_id' where m.type = 'table'";
        let (listed, id) = match self.db.dialect() {
            Dialect::Postgres => (tables, format!("'{}'", self.project.id.uuid())),
            Dialect::Sqlite => (tables_of_sqlite, format!("x'{}'", self.project.id.uuid().simple())),
        };
        let names: Vec<String> = raw::query_as_owner(&self.db, listed, |row| row.get(0)).unwrap();
        assert!(names.len() > 40, "{names:?}");
        names.into_iter().map(|name| (name.clone(), self.rows(&name, &id))).collect()
    }

    fn rows(&self, table: &str, project: &str) -> Vec<String> {
        let text = match self.db.dialect() {
            Dialect::Postgres => format!("-- t\nselect cast(t as text) from {table} t where project_id = {project}"),
            Dialect::Sqlite => {
                let columns = format!("-- t\nselect name from pragma_table_info('{table}')");
                let columns: Vec<String> = raw::query_as_owner(&self.db, &columns, |row| row.get(0)).unwrap();
                let quoted: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
                format!("-- t\nselect {} from {table} where project_id = {project}", quoted.join(" || ',' || "))
            }
        };
        let mut rows: Vec<String> = raw::query_as_owner(&self.db, &text, |row| row.get(0)).unwrap();
        rows.sort();
        rows
    }

    /// The same without what is a dry run's own.
    fn everything_else(&self) -> BTreeMap<String, Vec<String>> {
        let mut everything = self.everything();
        everything.retain(|table, _| !WRITTEN.contains(&table.as_str()));
        everything
    }

    /// Bills for real what was rehearsed, and compares.
    pub fn follows(&self, dry: BillingRunId, as_of: Option<&str>, scope: RunScope) -> RunView {
        let real = self.start_run(RunMode::Bill, as_of, scope).unwrap();
        self.engine.run_jobs_of(self.project.id).unwrap();
        let (told, done) = (self.billing_run(dry), self.billing_run(real));
        assert_eq!(told.counts, done.counts);
        assert_eq!(self.report_lines(dry), self.report_lines(real));
        assert_eq!(self.report_invoices(dry), self.report_invoices(real));
        let (told, made) = (self.report(dry), self.report(real));
        assert_eq!((told.plans, told.invoices, told.reasons), (made.plans, made.invoices, made.reasons));
        assert_eq!(self.items_of(dry), self.items_of(real));
        assert_eq!(self.compare(dry, real), []);
        assert!(self.causes(dry, real).iter().all(|told| told.ends_with(": ")), "{:?}", self.causes(dry, real));
        done
    }
}

/// Fees, seats and usage with tax, a coupon, and a fee that is dropped when the plan changes.
fn catalog() -> Catalog {
    let seats = json!({ "key": "seats", "name": "Seats", "interval": { "unit": "month" }, "timing": "advance",
        "anchor": "anniversary", "terms": { "model": { "type": "seat", "unitPrice": "7.77" } } });
    let mut calls = price("calls", "calls", per_unit("0.013"));
    calls["taxCategory"] = json!("data");
    let mut team = plan(json!([base("49.37"), seats, calls]));
    team["minimumCommitment"] = Value::Null;
    team.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    serde_json::from_value(json!({
        "metrics": [], "customAssets": [], "addOns": [],
        "taxCategories": [{ "key": "data", "name": "Data" }],
        "taxRates": [
            { "key": "vat", "name": "VAT", "percent": "19" },
            { "key": "low", "name": "Low", "category": "data", "percent": "7" },
        ],
        "plans": [team],
        "coupons": [
            { "key": "ten", "name": "Ten", "discount": { "type": "percent", "percent": "10" }, "duration": { "type": "forever" } },
            { "key": "five", "name": "Five", "discount": { "type": "fixed", "amount": "5", "currency": "USD" },
              "duration": { "type": "periods", "periods": 3 } },
        ],
    }))
    .unwrap()
}

/// Random customers, payers, wallets, coupons, changes and usage.
pub fn fill(world: &World, customers: u32) {
    world.open_shop(0);
    let command = ApplyCatalog {
        catalog: catalog(),
        rest: Rest::Stays,
        publication: Publication::Published,
        expected_digest: None,
        reason: None,
    };
    world.engine.apply_catalog(&world.owner(), None, &command).unwrap();
    let below = |bound| world.random.below(bound);
    for number in 0..customers {
        // Every third one is paid for by the one before.
        let payer_key = (number % 3 == 2).then(|| customer_key(number - 1));
        let zone = ["Asia/Kolkata", "America/New_York", "UTC"][usize::try_from(below(3)).unwrap()];
        let new = NewCustomer { payer_key, time_zone: Some(zone.to_owned()), ..customer(&customer_key(number)) };
        world.engine.create_customer(&world.owner(), None, &new).unwrap();
        if number % 3 == 1 {
            for (kind, credit) in [("promo", grant("3.5")), ("paid", paid("4.25"))] {
                let credit = engine::transactions::GrantCredit { customer_key: Some(customer_key(number)), ..credit };
                world.credit(&format!("{kind}-{number}"), &credit).accepted();
            }
        }
        world.subscribe_with(number, |new: &mut NewSubscription| {
            new.quantities = [("seats".parse().unwrap(), quantity(1 + below(4)))].into();
            new.coupons = [vec![], vec!["ten".to_owned()], vec!["five".to_owned(), "ten".to_owned()]]
                [usize::try_from(below(3)).unwrap()]
            .drain(..)
            .collect();
        });
    }
    for number in 0..customers * 4 {
        let day = 18 + below(12);
        let when = format!("2026-03-{day:02}T{:02}:00:00Z", below(24));
        let who = u32::try_from(below(u64::from(customers))).unwrap();
        world.calls(&format!("call-{number}"), who, &(1 + below(900)).to_string(), &when);
    }
}

fn quantity(count: u64) -> domain::quantity::Quantity {
    domain::quantity::Quantity::parse(&count.to_string()).unwrap()
}

on_both! {
    fn a_dry_run_writes_nothing_but_its_report(world) {
        // checklist 121, checklist 77, checklist 111
        fill(world, 7);
        world.clock.set("2026-04-02T00:00:00Z");
        world.fold();
        let before = world.everything_else();
        let dry = world.rehearse(None);
        assert!(world.billing_run(dry).counts.issued > 0 && !world.report_lines(dry).is_empty());
        assert_eq!(world.everything_else(), before);
        assert_eq!(world.invoices(), Vec::<String>::new());
        let everything = world.everything();
        assert_eq!(everything["billing_runs"].len(), 1);
        assert_eq!(everything["jobs"].len(), 1);
    }

    fn the_run_that_follows_a_dry_run_matches_it_line_by_line(world) {
        // checklist 121
        fill(world, 11);
        world.clock.set("2026-03-31T00:00:00Z");
        world.follows(world.rehearse(None), None, RunScope::default());
        // Again in each later month: with credit that was drawn, coupons that were used, and drafts that wait.
        for now in ["2026-04-01T00:30:00Z", "2026-04-03T00:00:00Z", "2026-05-02T00:00:00Z"] {
            world.clock.set(now);
            world.fold();
            world.follows(world.rehearse(None), None, RunScope::default());
        }
        assert!(world.billed().iter().any(|(_, charges)| charges.iter().any(|charge| !charge.prepaid.is_zero())));
    }

    fn a_dry_run_of_one_customer_or_window_is_followed_too(world) {
        fill(world, 5);
        world.clock.set("2026-04-02T00:00:00Z");
        world.fold();
        // The second customer also pays for the third.
        let scope = RunScope { customer_key: Some(customer_key(2)), window: None };
        let run = world.follows(world.rehearse_scope(None, scope.clone()), None, scope);
        assert_eq!(run.counts.subscriptions, 1);
        world.follows(world.rehearse(None), None, RunScope::default());
        let change = ProjectChange { invoice_grace_minutes: Change::Set(60 * 24 * 20), ..ProjectChange::default() };
        world.engine.update_project(&world.owner(), &change).unwrap();
        world.bill("2026-05-02T00:00:00Z");
        world.calls("late", 0, "1000", "2026-04-09T00:00:00Z");
        world.fold();
        let window = domain::window::Span { start: at("2026-04-01T00:00:00Z"), end: at("2026-05-01T00:00:00Z") };
        let scope = RunScope { customer_key: None, window: Some(window) };
        let run = world.follows(world.rehearse_scope(None, scope.clone()), None, scope);
        assert_eq!(run.counts.charged, 1);
    }

    fn a_dry_run_tells_what_will_be_billed_until_a_day_ahead(world) {
        fill(world, 4);
        let ahead = "2026-05-02T00:00:00Z";
        let dry = world.rehearse(Some(ahead));
        let told = world.report(dry);
        let refused = world.start_run(RunMode::Bill, Some(ahead), RunScope::default());
        assert_eq!(refused.unwrap_err().code, Code::OutOfRange);
        world.clock.set(ahead);
        let done = world.follows(dry, Some(ahead), RunScope::default());
        assert!(done.counts.issued > 4, "{done:?}");
        assert_eq!(told.invoices[0].issued, done.counts.issued);
    }

    fn everything_that_a_payer_pays_for_draws_in_the_order_of_time(world) {
        // Two subscriptions of one payer that are due at other times come into one chunk.
        world.open_billing(1, plan(json!([price("calls", "calls", per_unit("1"))])));
        world.engine.create_customer(&world.owner(), None,
            &NewCustomer { payer_key: Some(customer_key(0)), ..customer(&customer_key(1)) }).unwrap();
        world.subscribe(0);
        world.subscribe_with(1, |new| new.starts_at = Some(at("2026-03-25T00:00:00Z")));
        world.credit("c", &engine::transactions::GrantCredit { customer_key: Some(customer_key(0)), ..paid("15") }).accepted();
        world.calls("a", 0, "10", "2026-03-26T00:00:00Z");
        world.calls("b", 1, "10", "2026-03-27T00:00:00Z");
        world.clock.set("2026-04-02T00:00:00Z");
        world.fold();
        world.follows(world.rehearse(None), None, RunScope::default());
        assert_eq!(world.prepaid_of("calls"), ["10.000000 10.000000 0.000000", "10.000000 5.000000 0.000000"]);
    }

    fn a_report_points_at_what_is_new_nothing_or_unlike_before(world) {
        world.open_billing(3, hybrid());
        for customer in 0..2 {
            world.subscribe(customer);
        }
        for (month, now) in [(3, "2026-04-02T00:00:00Z"), (4, "2026-05-02T00:00:00Z"), (5, "2026-06-02T00:00:00Z")] {
            world.calls(&format!("a{month}"), 0, "2", &format!("2026-{month:02}-28T00:00:00Z"));
            world.bill(now);
        }
        // Four invoices by now: the half month, and three whole ones.
        world.calls("burst", 0, "300", "2026-06-20T00:00:00Z");
        world.subscribe(2);
        world.clock.set("2026-07-02T00:00:00Z");
        world.fold();
        let dry = world.rehearse(None);
        assert_eq!(world.flagged(dry, ReportFlag::Outlier), [customer_key(0)]);
        assert_eq!(world.flagged(dry, ReportFlag::First), [customer_key(2)]);
        assert_eq!(world.flagged(dry, ReportFlag::Zero), Vec::<String>::new());
        let report = world.report(dry);
        let totals = &report.invoices[0];
        assert_eq!((totals.issued, totals.first, totals.outliers, totals.zero), (4, 1, 1, 0));
        let plans: Vec<String> = report.plans.iter()
            .map(|total| format!("{} {} {} {}", total.plan.as_deref().unwrap(), total.kind, total.charges, total.amount)).collect();
        assert_eq!(plans, ["team advanceFee 4 166.600000", "team usage 3 150.000000"]);
        assert_eq!(report.missing.unwrap().customers, 0);
        world.follows(dry, None, RunScope::default());
    }

    fn who_had_an_invoice_a_month_ago_and_has_none_now_is_missing(world) {
        world.open_billing(3, hybrid());
        let ids: Vec<_> = (0..3).map(|customer| world.subscribe(customer)).collect();
        world.bill("2026-04-02T00:00:00Z");
        world.bill("2026-05-02T00:00:00Z");
        world.change_subscription(ids[0], "end", ChangeWish::Cancelled, Some(When::PeriodEnd));
        world.change_subscription(ids[1], "rest", ChangeWish::Paused, Some(When::PeriodEnd));
        // What was used in May is billed in June, though nothing of June is.
        world.bill("2026-06-02T00:00:00Z");
        let dry = {
            world.clock.set("2026-07-02T00:00:00Z");
            world.fold();
            world.rehearse(None)
        };
        let missing = |id| {
            let found = world.engine.list_missing_customers(&world.owner(), id, None, 10).unwrap();
            found.into_iter().map(|missing| (missing.customer_key, missing.billed_on.to_string(), missing.is_subscribed)).collect::<Vec<_>>()
        };
        let expected = [(customer_key(0), "2026-06-01".to_owned(), false), (customer_key(1), "2026-06-01".to_owned(), true)];
        assert_eq!(missing(dry), expected);
        assert_eq!(world.report(dry).missing.unwrap().customers, 2);
        let real = world.follows(dry, None, RunScope::default());
        assert_eq!(missing(real.id), expected);
    }

    fn what_cannot_be_rated_or_billed_is_told_with_its_reason(world) {
        world.open_billing(2, hybrid());
        world.subscribe(0);
        world.subscribe_with(1, |new| new.trial_days = Some(30));
        world.clock.set("2026-04-02T00:00:00Z");
        let dry = world.rehearse(None);
        let report = world.report(dry);
        assert!(report.reasons.iter().any(|reason| reason.state == ItemState::Skipped && reason.reason == "trial"), "{report:?}");
        world.follows(dry, None, RunScope::default());
    }

    fn drafts_that_wait_are_told_as_drafts(world) {
        world.open_billing(1, hybrid());
        world.keep_drafts();
        world.subscribe(0);
        world.clock.set("2026-04-02T00:00:00Z");
        let dry = world.rehearse(None);
        let invoices = world.report_invoices(dry);
        assert!(invoices.iter().all(|invoice| invoice.outcome == ReportOutcome::Draft));
        let total = &world.report(dry).invoices[0];
        assert_eq!((total.issued, total.drafts), (0, 2));
        assert_eq!(total.figures.due.to_string(), "72.710000");
        world.follows(dry, None, RunScope::default());
    }

    fn a_dry_run_is_in_nobodys_way_and_needs_the_same_permission(world) {
        world.open_billing(1, hybrid());
        world.subscribe(0);
        let dry = world.start_run(RunMode::DryRun, None, RunScope::default()).unwrap();
        let another = world.start_run(RunMode::DryRun, None, RunScope::default()).unwrap();
        let real = world.start_run(RunMode::Bill, None, RunScope::default()).unwrap();
        world.engine.run_jobs_of(world.project.id).unwrap();
        assert_eq!([dry, another, real].map(|id| world.billing_run(id).phase), [RunPhase::Done; 3]);
    }
}
