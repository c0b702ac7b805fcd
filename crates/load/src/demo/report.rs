//! What the demo made, and the six requests a reader can copy, with real ids.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::{DemoBill, DemoCreditNote, DemoInvoice, DemoLate, DemoMonths};
use crate::clock;

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DemoReport {
    pub base_url: String,
    pub email: String,
    pub password: String,
    /// Of the demo's login; good for some minutes, the first of the six requests gives another.
    pub access_token: String,
    pub access_key: String,
    pub project_id: String,
    /// False when the project was there already and was left as it is.
    pub is_new: bool,
    pub customers: usize,
    pub events: usize,
    pub transactions: usize,
    /// Outcome counts, as the overview shows them.
    pub ingest: Value,
    /// What the last whole month of each customer would cost.
    pub bills: Vec<DemoBill>,
    /// What a sandbox was billed in three months; absent when it was there already.
    pub months: Option<DemoMonths>,
    pub now_millis: u64,
    pub elapsed_millis: u64,
}

impl DemoReport {
    /// The six published requests for this server, each a line for a shell with what it does.
    #[must_use]
    pub fn requests(&self) -> [(&'static str, String); 6] {
        let DemoReport { base_url, email, password, access_token, access_key, project_id, .. } = self;
        let now = clock::rfc3339(self.now_millis);
        let day = now[..10].replace('-', "_");
        let json = "-H \"Content-Type: application/json\"";
        let bearer = format!("-H \"Authorization: Bearer {access_token}\"");
        [
            (
                "log in",
                format!(
                    "curl -X POST {base_url}/auth/login {json} -d '{{ \"email\": \"{email}\", \"password\": \"{password}\" }}'"
                ),
            ),
            (
                "create a project (this one exists: its externalKey is taken, so it is returned)",
                format!(
                    "curl -X POST {base_url}/projects {bearer} {json} -d '{{ \"name\": \"Acme Production\", \"externalKey\": \"acme-prod\" }}'"
                ),
            ),
            (
                "create an access key",
                format!(
                    "curl -X POST {base_url}/projects/{project_id}/access-keys {bearer} {json} -d '{{ \"name\": \"Usage ingest\", \"scopes\": [\"ingest:usage\", \"ingest:charge\"] }}'"
                ),
            ),
            (
                "send usage (send it twice: the second is a replay)",
                format!(
                    "curl -X POST {base_url}/ingest/usage -H \"x-api-key: {access_key}\" -H \"Idempotency-Key: evt_{day}_001\" {json} -d '{{ \"metricKey\": \"api_tokens\", \"units\": \"1250.000000\", \"timestamp\": \"{now}\" }}'"
                ),
            ),
            (
                "grant a credit",
                format!(
                    "curl -X POST {base_url}/projects/{project_id}/transactions/credit {bearer} -H \"Idempotency-Key: credit_{day}_001\" {json} -d '{{ \"amount\": \"100.000000\", \"description\": \"Launch credit\" }}'"
                ),
            ),
            ("see it all", format!("curl {base_url}/projects/{project_id}/billing/overview {bearer}")),
        ]
    }
}

impl DemoReport {
    fn write_bills(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.bills.first() else {
            return Ok(());
        };
        writeln!(f, "\nWhat the last whole month would cost each customer, tax included:")?;
        for bill in &self.bills {
            let DemoBill { customer, plan, tax, total, currency, credits, .. } = bill;
            writeln!(
                f,
                "  {customer:<18} {plan:<14} {total:>14} {currency}  tax {tax:>12}  {credits:>14} credits of it"
            )?;
        }
        let DemoReport { base_url, project_id, access_token, .. } = self;
        writeln!(f, "\n# and why: every line with its formula, inputs, price and events")?;
        writeln!(
            f,
            "curl -X POST {base_url}/projects/{project_id}/estimate -H \"Authorization: Bearer {access_token}\" -H \"Content-Type: application/json\" -d '{}'",
            first.request
        )
    }
}

impl DemoReport {
    fn write_months(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(DemoMonths { project_id, invoices, upgrade, late, credit_note }) = &self.months else {
            return Ok(());
        };
        writeln!(f, "\nThree months of invoices of Acme Sandbox, {project_id}, whose clock was moved:")?;
        for invoice in invoices {
            let DemoInvoice { number, customer_key, bills_on, due, currency, state, .. } = invoice;
            writeln!(f, "  {number}  {bills_on}  {customer_key:<18} {due:>14} {currency}  {state}")?;
        }
        writeln!(f, "  upgraded      {upgrade}")?;
        let DemoLate { customer_key, of_invoice, on_invoice, effect } = late;
        writeln!(
            f,
            "  late usage    of {customer_key} for {of_invoice}, which stays as it is: {effect} before tax on {on_invoice}"
        )?;
        let DemoCreditNote { number, of_invoice, total, reason } = credit_note;
        writeln!(f, "  credit note   {number} takes {total} back from {of_invoice}: {reason}")?;
        let Some(last) = invoices.last() else { return Ok(()) };
        let (base, bearer) = (&self.base_url, format!("-H \"Authorization: Bearer {}\"", self.access_token));
        let invoice = format!("{base}/projects/{project_id}/invoices/{}", last.id);
        writeln!(f, "\n# the last of them as PDF, and every line of it explained")?;
        writeln!(f, "curl -o {}.pdf {invoice}/pdf {bearer}", last.number)?;
        writeln!(f, "curl {invoice}/explain {bearer}")
    }
}

impl fmt::Display for DemoReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "address     {}", self.base_url)?;
        writeln!(f, "login       {} / {}", self.email, self.password)?;
        writeln!(f, "access key  {}", self.access_key)?;
        writeln!(f, "project     Acme Production, {}", self.project_id)?;
        if self.is_new {
            let (events, customers, transactions) = (self.events, self.customers, self.transactions);
            writeln!(
                f,
                "contents    {events} usage events in three months, {customers} customers, {transactions} credits and charges"
            )?;
        } else {
            writeln!(f, "contents    the project was there already and was left as it is")?;
        }
        self.write_bills(f)?;
        self.write_months(f)?;
        writeln!(f, "\nSix requests to copy (the token in them is good for 15 minutes; the first one gives another):")?;
        for (purpose, line) in self.requests() {
            write!(f, "\n# {purpose}\n{line}\n")?;
        }
        Ok(())
    }
}
