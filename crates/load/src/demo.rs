//! The demo account behind `neruba demo`: a project with customers and three months of believable usage, money and a few
//! mishaps, all sent through the HTTP API; the same seed and the same `now` send the same requests.

mod bills;
mod catalog;
mod money;
mod months;
mod profiles;
mod report;
mod send;
mod trouble;
mod usage;

pub use bills::DemoBill;
pub use months::{DemoCreditNote, DemoInvoice, DemoLate, DemoMonths};
pub use report::DemoReport;
pub use usage::{DemoEvent, events};

use serde_json::json;

use crate::account::{Account, Owner};
use crate::client::Client;
use crate::{LoadError, clock, requests};

/// Where the demo goes and what it is made from.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    pub base_url: String,
    /// An existing user.
    pub owner: Owner,
    pub seed: u64,
    /// The end of the three months, Unix time.
    pub now_millis: u64,
    /// Days of usage before `now_millis`.
    pub days: u64,
}

impl DemoOptions {
    /// Three months that end now.
    #[must_use]
    pub fn new(base_url: &str, email: &str, password: &str) -> DemoOptions {
        let owner = Owner { email: email.to_owned(), password: password.to_owned() };
        DemoOptions { base_url: base_url.to_owned(), owner, seed: 2026, now_millis: clock::unix_millis(), days: 92 }
    }
}

/// As the published requests have it, so that creating it again answers with this project.
const PROJECT_NAME: &str = "Acme Production";
const PROJECT_KEY: &str = "acme-prod";

/// Makes the demo account. A project that is there already keeps its data and only gets another access key.
///
/// # Errors
/// When the server cannot be reached or refuses what the demo is made of.
pub fn run(options: &DemoOptions, mut progress: impl FnMut(&str)) -> Result<DemoReport, LoadError> {
    let begun = clock::start();
    let mut client = Client::new(&options.base_url)?;
    let account = Account::open(&mut client, &options.owner, PROJECT_NAME, PROJECT_KEY)?;
    let mut report = DemoReport {
        base_url: client.base_url().to_owned(),
        email: options.owner.email.clone(),
        password: options.owner.password.clone(),
        access_token: account.access_token.clone(),
        access_key: account.access_key.clone(),
        project_id: account.project_id.clone(),
        is_new: !account.existed,
        customers: 0,
        events: 0,
        transactions: 0,
        ingest: serde_json::Value::Null,
        bills: Vec::new(),
        months: None,
        now_millis: options.now_millis,
        elapsed_millis: 0,
    };
    if report.is_new {
        fill(options, &mut client, &account, &mut report, &mut progress)?;
    }
    let request = requests::overview(&account.access_token, &account.project_id);
    report.ingest = client.send_patiently(&request)?.require(&request.name(), &[200])?.json()["ingest"].clone();
    report.elapsed_millis = clock::millis(begun.elapsed());
    Ok(report)
}

fn fill(
    options: &DemoOptions,
    client: &mut Client,
    account: &Account,
    report: &mut DemoReport,
    progress: &mut impl FnMut(&str),
) -> Result<(), LoadError> {
    catalog::apply(client, account)?;
    progress("a catalog: metrics, plans, credits, taxes");
    for (key, name) in profiles::customers() {
        let body = json!({ "externalKey": key, "name": name, "tax": profiles::tax(key) });
        let request = requests::create_customer(&account.access_token, &account.project_id, &body);
        client.send_patiently(&request)?.require(&request.name(), &[200, 201])?;
        report.customers += 1;
    }
    progress(&format!("{} customers", report.customers));
    let events = events(options.seed, options.now_millis, options.days);
    send::batches(&options.base_url, account, &events, progress)?;
    report.events = events.len();
    let movements = money::movements(options.now_millis);
    report.transactions = movements.len();
    for movement in &movements {
        let request = movement.request(account);
        client.send_patiently(&request)?.require(&request.name(), &[201])?;
    }
    progress(&format!("{} credits and charges", report.transactions));
    trouble::make(client, account, &events, options.now_millis)?;
    progress("a few replays, duplicates, conflicts and refusals");
    report.bills = bills::ask(client, account, options.now_millis)?;
    report.months = months::live(options, client, progress)?;
    Ok(())
}
