//! Customers: made by people, by machines, or on their first use where the project's policy says so.

use domain::access::Permission;
use domain::customers::{Customer, CustomerChange, NewCustomer, Payer, PayerCheck, SELF_KEY};
use domain::idempotency::{Canonical, Family, Fingerprint, IdempotencyKey};
use domain::ids::CustomerId;
use domain::ledger::entry::JournalEntry;
use domain::projects::{Change, Project, UnknownPolicy};
use domain::refusal::{Code, Refusal};
use serde_json::json;
use storage::{ProjectTx, customer_billing, customer_tax, customers, projects};

use crate::audit::{AuditRecord, Audited};
use crate::billing::scheduler::wake_by_day;
use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

impl Engine {
    /// Makes a customer. The external key makes it safe to send again: the same request finds the customer it made.
    ///
    /// # Errors
    /// [`Code::ExternalKeyConflict`] when a customer with this key is not as asked for; for a payer as [`PayerCheck::accept`].
    pub fn create_customer(&self, ctx: &Ctx, key: Option<IdempotencyKey>, new: &NewCustomer) -> Result<Answer, Error> {
        ctx.require(Permission::CustomersWrite)?;
        let idempotency = key.map(|key| Idempotency {
            family: Family::Other,
            key,
            operation: "createCustomer",
            fingerprint: fingerprint(new),
        });
        let mut existing = None;
        let answer = self.command_answer(ctx, "create_customer", 201, idempotency.as_ref(), |tx| {
            let mut customer = new.clone().into_customer(ctx.new_id(), ctx.now());
            if let Some(key) = &new.payer_key {
                customer.payer = Some(payer(tx, &customer, key)?);
            }
            if !customers::insert(tx, &customer)? {
                let found = customers::find_by_key(tx, &new.external_key)?;
                existing = found.filter(|found| new.describes(found));
                // Nothing is written; the refusal only ends the transaction.
                return Err(taken(new).into());
            }
            if new.tax.is_some() {
                customer_tax::put(tx, customer.id, &customer.tax)?;
            }
            if new.billing.is_some() {
                customer_billing::put(tx, customer.id, &customer.billing)?;
            }
            created(customer)
        });
        match existing {
            Some(customer) => existing_answer(&customer),
            None => answer,
        }
    }

    /// The customers after the given one, the oldest first; `limit` of them at most. With a key, the one with this key.
    ///
    /// # Errors
    /// [`Code::Forbidden`] without the permission to read customers.
    pub fn list_customers(
        &self,
        ctx: &Ctx,
        external_key: Option<&str>,
        after: Option<CustomerId>,
        limit: usize,
    ) -> Result<Vec<Customer>, Error> {
        ctx.require(Permission::CustomersRead)?;
        self.read(ctx.project, "list_customers", |tx| match external_key {
            Some(key) => {
                let found = customers::find_by_key(tx, key)?.filter(|found| after.is_none_or(|after| found.id > after));
                Ok(found.into_iter().collect())
            }
            None => Ok(customers::page(tx, after, page_limit(limit))?),
        })
    }

    /// # Errors
    /// [`Code::NotFound`], or no permission to read customers.
    pub fn get_customer(&self, ctx: &Ctx, id: CustomerId) -> Result<Customer, Error> {
        ctx.require(Permission::CustomersRead)?;
        self.read(ctx.project, "get_customer", |tx| customers::get(tx, id)?.ok_or_else(Error::not_found))
    }

    /// Changes what people call the customer, where its days begin, how it is taxed, to whom its invoices go and who pays them.
    ///
    /// # Errors
    /// [`Code::NotFound`], or no permission to change customers; for a payer as [`PayerCheck::accept`].
    pub fn update_customer(&self, ctx: &Ctx, id: CustomerId, change: &CustomerChange) -> Result<Customer, Error> {
        ctx.require(Permission::CustomersWrite)?;
        self.command(ctx, "update_customer", |tx| {
            if let Change::Set(_) = &change.payer_key {
                let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
                let customer = customers::get(tx, id)?.ok_or_else(Error::not_found)?;
                // Whoever pays from now on may have credit.
                wake_by_day(tx, &project, &customer, ctx.now())?;
            }
            let before = customers::get_for_update(tx, id)?.ok_or_else(Error::not_found)?;
            let mut after = change.clone().applied_to(&before);
            match &change.payer_key {
                Change::Keep => {}
                Change::Set(None) => after.payer = None,
                Change::Set(Some(key)) => after.payer = Some(payer(tx, &before, key)?),
            }
            customers::update(tx, &after)?;
            if after.tax != before.tax {
                customer_tax::put(tx, id, &after.tax)?;
            }
            if after.billing != before.billing {
                customer_billing::put(tx, id, &after.billing)?;
            }
            let record = AuditRecord::new("customer.updated", id).changed(&before, &after)?;
            let body = json!({ "customer": after });
            Ok(Audited::new(after, record).announce("customer.updated", body))
        })
    }
}

/// The customer a request is about: the one it names, or the project's own. A customer that does not exist is made where
/// the project's policy says so.
///
/// # Errors
/// [`Code::UnknownCustomer`] where it says otherwise.
pub(crate) fn resolve(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    project: &Project,
    external_key: Option<&str>,
) -> Result<Customer, Error> {
    let Some(key) = external_key else {
        return existing(tx, None);
    };
    if let Some(customer) = customers::find_by_key(tx, key)? {
        return Ok(customer);
    }
    match project.policies.unknown_customer {
        UnknownPolicy::Reject => Err(unknown(key).into()),
        UnknownPolicy::AutoCreate => {
            let new = NewCustomer::with_key(key);
            customers::insert(tx, &new.into_customer(ctx.new_id(), ctx.now()))?;
            // Somebody else may have made it in between, under another id.
            existing(tx, Some(key))
        }
    }
}

/// The customer with this key, or the project's own.
///
/// # Errors
/// [`Code::UnknownCustomer`].
pub(crate) fn existing(tx: &mut ProjectTx<'_>, external_key: Option<&str>) -> Result<Customer, Error> {
    let key = external_key.unwrap_or(SELF_KEY);
    customers::find_by_key(tx, key)?.ok_or_else(|| unknown(key).into())
}

/// The customer with this key, if it may pay for `customer`. It is locked, as whoever is given a payer is: two requests that each look
/// right do not make a chain together.
fn payer(tx: &mut ProjectTx<'_>, customer: &Customer, key: &str) -> Result<Payer, Error> {
    let found = customers::find_by_key(tx, key)?.map(|found| found.id);
    let found = found.map(|id| customers::get_for_update(tx, id)).transpose()?.flatten();
    let payer = found.ok_or_else(|| {
        let detail = format!("{key:?} does not exist. Create it with POST /projects/:id/customers.");
        Refusal::field(Code::UnknownCustomer, "payerKey", detail)
    })?;
    let dependent = customers::find_dependent(tx, customer.id)?;
    let check = PayerCheck { customer, payer: &payer, dependent: dependent.as_deref() };
    Ok(check.accept()?)
}

/// The customer whose money an entry moved.
pub(crate) fn of_entry(tx: &mut ProjectTx<'_>, entry: &JournalEntry) -> Result<Customer, Error> {
    let found = match entry.customer {
        Some(id) => customers::get(tx, id)?,
        None => None,
    };
    found.ok_or_else(|| Error::Bug(format!("the customer of {} is not stored", entry.id)))
}

fn fingerprint(new: &NewCustomer) -> Fingerprint {
    let form = Canonical::new("createCustomer")
        .text(&new.external_key)
        .optional(new.name.as_deref(), Canonical::text)
        .optional(new.time_zone.as_deref(), Canonical::text);
    // Nothing at all is added for what is left out: requests from before there were these fields keep their fingerprint.
    let form = match &new.tax {
        Some(tax) => form.json(&tax.canonical()),
        None => form,
    };
    let form = match &new.billing {
        Some(billing) => form.text("billing").json(&billing.canonical()),
        None => form,
    };
    match &new.payer_key {
        Some(key) => form.text("payerKey").text(key).fingerprint(),
        None => form.fingerprint(),
    }
}

fn created(customer: Customer) -> Result<Audited<Customer>, Error> {
    let record = AuditRecord::new("customer.created", customer.id).details(json!({ "after": customer }));
    let body = json!({ "customer": customer });
    Ok(Audited::new(customer, record).announce("customer.created", body))
}

fn existing_answer(customer: &Customer) -> Result<Answer, Error> {
    let body = serde_json::to_string(customer)
        .map_err(|error| Error::Bug(format!("a customer cannot be written as JSON: {error}")))?;
    Ok(Answer { status: 200, body, replayed: false })
}

fn unknown(key: &str) -> Refusal {
    let detail = format!("{key:?} does not exist. Create it with POST /projects/:id/customers.");
    Refusal::field(Code::UnknownCustomer, "customerKey", detail)
}

fn taken(new: &NewCustomer) -> Refusal {
    let detail = format!(
        "A customer with the externalKey {:?} exists and is not as asked for. Change it with PATCH, or take \
         another externalKey.",
        new.external_key
    );
    Refusal::new(Code::ExternalKeyConflict, detail)
}
