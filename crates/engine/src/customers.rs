//! Customers: made by people, by machines, or on their first use where the project's policy says so.

use domain::access::Permission;
use domain::customers::{Customer, CustomerChange, NewCustomer, SELF_KEY};
use domain::idempotency::{Canonical, Family, Fingerprint, IdempotencyKey};
use domain::ids::CustomerId;
use domain::ledger::entry::JournalEntry;
use domain::projects::{Project, UnknownPolicy};
use domain::refusal::{Code, Refusal};
use serde_json::json;
use storage::{ProjectTx, customer_tax, customers};

use crate::audit::{AuditRecord, Audited};
use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

impl Engine {
    /// Makes a customer. The external key makes it safe to send again: the same request finds the customer it made.
    ///
    /// # Errors
    /// [`Code::ExternalKeyConflict`] when a customer with this key is not as asked for.
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
            let customer = new.clone().into_customer(ctx.new_id(), ctx.now());
            if !customers::insert(tx, &customer)? {
                let found = customers::find_by_key(tx, &new.external_key)?;
                existing = found.filter(|found| new.describes(found));
                // Nothing is written; the refusal only ends the transaction.
                return Err(taken(new).into());
            }
            if new.tax.is_some() {
                customer_tax::put(tx, customer.id, &customer.tax)?;
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

    /// Changes what people call the customer, where its days begin and how it is taxed.
    ///
    /// # Errors
    /// [`Code::NotFound`], or no permission to change customers.
    pub fn update_customer(&self, ctx: &Ctx, id: CustomerId, change: &CustomerChange) -> Result<Customer, Error> {
        ctx.require(Permission::CustomersWrite)?;
        self.command(ctx, "update_customer", |tx| {
            let before = customers::get_for_update(tx, id)?.ok_or_else(Error::not_found)?;
            let after = change.clone().applied_to(&before);
            customers::update(tx, id, &after.name, after.time_zone.as_deref())?;
            if after.tax != before.tax {
                customer_tax::put(tx, id, &after.tax)?;
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
            let new = NewCustomer { external_key: key.to_owned(), name: None, time_zone: None, tax: None };
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
    // Nothing at all is added without a profile: requests from before there were profiles keep their fingerprint.
    match &new.tax {
        Some(tax) => form.json(&tax.canonical()).fingerprint(),
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
        "A customer with the externalKey {:?} exists with another name, zone or tax profile. Change it with PATCH, or take \
         another externalKey.",
        new.external_key
    );
    Refusal::new(Code::ExternalKeyConflict, detail)
}
