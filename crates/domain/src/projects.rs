//! Projects: the tenant, its defaults and its policies.

use crate::amount::Amount;
use crate::currency::Currency;
use crate::idempotency::{Canonical, Fingerprint};
use crate::ids::{ProjectId, UserId};
use crate::invoices::settings::{Finalization, InvoicePolicy, LatePolicy};
use crate::named::named;
use crate::proration::TimeBasis;
use crate::refusal::{Code, Refusal};
use crate::rounding::InvoiceRounding;
use crate::subscriptions::policy::{ProrationBilling, ProrationPolicy, UnusedTime};
use crate::time::Instant;
use crate::time_zone::UTC;

named! {
    /// Whether a project handles real money or is for trying things out.
    Mode {
        Live = "live",
        Sandbox = "sandbox",
    }
}

named! {
    /// What happens when a request names a metric or a customer that does not exist.
    UnknownPolicy {
        AutoCreate = "autoCreate",
        Reject = "reject",
    }
}

/// What a project decides about requests that leave something open.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policies {
    pub unknown_metric: UnknownPolicy,
    pub unknown_customer: UnknownPolicy,
    /// Refuse usage that names no customer, instead of taking the project's own.
    pub require_customer_key: bool,
    /// The most one credit or adjustment by the role `support` may move, in units of its currency.
    pub support_limit: Amount,
    /// Events older than this many days are refused `too_old`; `null` accepts any age.
    pub event_horizon_days: Option<u32>,
    /// Where an invoice is rounded to the minor unit of its currency.
    pub invoice_rounding: InvoiceRounding,
    /// What the share of a period is counted in when something holds for a part of it.
    pub proration_basis: TimeBasis,
    /// What becomes of time that was paid in advance and is not used.
    pub proration_unused: UnusedTime,
    /// When the lines of a change in mid-period are billed.
    pub proration_billing: ProrationBilling,
    /// How long after its end a window waits for late events before it is billed, in minutes.
    pub late_buffer_minutes: u32,
    /// What becomes of usage that arrives after its invoice was issued.
    pub late_policy: LatePolicy,
    /// How far back late usage is corrected by itself, in days; beyond, a person decides with a reason.
    pub late_limit_days: u32,
    /// Whether drafts are issued by themselves or by a person.
    pub invoice_finalization: Finalization,
    /// How long after the late buffer a draft waits before it is issued, in minutes.
    pub invoice_grace_minutes: u32,
    /// Days from issue until an invoice is due.
    pub payment_term_days: u32,
    /// A recomputation that touches events older than so many days needs a reason and a role above developer.
    pub recompute_limit_days: u32,
}

impl Policies {
    /// What a new project starts with.
    pub const NEW_PROJECT: Policies = Policies {
        unknown_metric: UnknownPolicy::AutoCreate,
        unknown_customer: UnknownPolicy::Reject,
        require_customer_key: false,
        support_limit: Amount::from_micros(100_000_000),
        event_horizon_days: None,
        invoice_rounding: InvoiceRounding::PerInvoice,
        proration_basis: ProrationPolicy::USUAL.basis,
        proration_unused: ProrationPolicy::USUAL.unused,
        proration_billing: ProrationPolicy::USUAL.billing,
        late_buffer_minutes: 60,
        late_policy: LatePolicy::NextInvoice,
        late_limit_days: 90,
        invoice_finalization: Finalization::Automatic,
        invoice_grace_minutes: 0,
        payment_term_days: 14,
        recompute_limit_days: 90,
    };

    /// What happens when something changes in the middle of a period.
    pub const fn proration(&self) -> ProrationPolicy {
        ProrationPolicy { basis: self.proration_basis, unused: self.proration_unused, billing: self.proration_billing }
    }

    /// When drafts are issued and invoices are due.
    pub const fn invoices(&self) -> InvoicePolicy {
        InvoicePolicy {
            finalization: self.invoice_finalization,
            late_buffer_minutes: self.late_buffer_minutes,
            grace_minutes: self.invoice_grace_minutes,
            payment_term_days: self.payment_term_days,
        }
    }
}

/// The tenant and boundary of everything.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    pub id: ProjectId,
    pub name: String,
    /// The creator's own name for the project, unique per creator.
    pub external_key: String,
    pub mode: Mode,
    pub currency: Currency,
    /// IANA name of the zone in which days and periods of the project begin.
    pub time_zone: String,
    pub policies: Policies,
    #[serde(skip)]
    pub created_by: UserId,
    pub created_at: Instant,
}

/// What somebody asks for who makes a project. What was not sent stays absent: it is part of the fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProject {
    pub name: String,
    pub external_key: String,
    pub mode: Option<Mode>,
    pub currency: Option<Currency>,
    pub time_zone: Option<String>,
}

impl NewProject {
    /// Tells a repeated request from another one with the same external key.
    pub fn fingerprint(&self) -> Fingerprint {
        Canonical::new("createProject")
            .text(&self.name)
            .text(&self.external_key)
            .optional(self.mode, |form, mode| form.text(mode.as_str()))
            .optional(self.currency, |form, currency| form.text(currency.code()))
            .optional(self.time_zone.as_deref(), Canonical::text)
            .fingerprint()
    }

    /// The project, with a default for whatever was left out.
    pub fn into_project(self, id: ProjectId, created_by: UserId, created_at: Instant) -> Project {
        Project {
            id,
            name: self.name,
            external_key: self.external_key,
            mode: self.mode.unwrap_or(Mode::Live),
            currency: self.currency.unwrap_or(Currency::USD),
            time_zone: self.time_zone.unwrap_or_else(|| UTC.to_owned()),
            policies: Policies::NEW_PROJECT,
            created_by,
            created_at,
        }
    }
}

/// A change of one field that may be left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// The field stays as it is.
    #[default]
    Keep,
    Set(T),
}

impl<T> Change<T> {
    pub(crate) fn apply(self, field: &mut T) {
        match self {
            Change::Keep => {}
            Change::Set(value) => *field = value,
        }
    }
}

/// What somebody changes about a project. Mode and currency are for ever: amounts are booked in them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectChange {
    pub name: Change<String>,
    pub time_zone: Change<String>,
    pub unknown_metric: Change<UnknownPolicy>,
    pub unknown_customer: Change<UnknownPolicy>,
    pub require_customer_key: Change<bool>,
    pub support_limit: Change<Amount>,
    pub event_horizon_days: Change<Option<u32>>,
    pub invoice_rounding: Change<InvoiceRounding>,
    pub proration_basis: Change<TimeBasis>,
    pub proration_unused: Change<UnusedTime>,
    pub proration_billing: Change<ProrationBilling>,
    pub late_buffer_minutes: Change<u32>,
    pub late_policy: Change<LatePolicy>,
    pub late_limit_days: Change<u32>,
    pub invoice_finalization: Change<Finalization>,
    pub invoice_grace_minutes: Change<u32>,
    pub payment_term_days: Change<u32>,
    pub recompute_limit_days: Change<u32>,
}

impl ProjectChange {
    /// The project as it is afterwards.
    pub fn applied_to(self, project: &Project) -> Project {
        let mut changed = project.clone();
        self.name.apply(&mut changed.name);
        self.time_zone.apply(&mut changed.time_zone);
        let policies = &mut changed.policies;
        self.unknown_metric.apply(&mut policies.unknown_metric);
        self.unknown_customer.apply(&mut policies.unknown_customer);
        self.require_customer_key.apply(&mut policies.require_customer_key);
        self.support_limit.apply(&mut policies.support_limit);
        self.event_horizon_days.apply(&mut policies.event_horizon_days);
        self.invoice_rounding.apply(&mut policies.invoice_rounding);
        self.proration_basis.apply(&mut policies.proration_basis);
        self.proration_unused.apply(&mut policies.proration_unused);
        self.proration_billing.apply(&mut policies.proration_billing);
        self.late_buffer_minutes.apply(&mut policies.late_buffer_minutes);
        self.late_policy.apply(&mut policies.late_policy);
        self.late_limit_days.apply(&mut policies.late_limit_days);
        self.invoice_finalization.apply(&mut policies.invoice_finalization);
        self.invoice_grace_minutes.apply(&mut policies.invoice_grace_minutes);
        self.payment_term_days.apply(&mut policies.payment_term_days);
        self.recompute_limit_days.apply(&mut policies.recompute_limit_days);
        changed
    }
}

/// What a policy may be, for `unknownMetric` and `unknownCustomer`.
///
/// # Errors
/// [`Code::InvalidValue`] for any other text.
pub fn unknown_policy(field: &str, text: &str) -> Result<UnknownPolicy, Refusal> {
    UnknownPolicy::parse(text)
        .ok_or_else(|| Refusal::field(Code::InvalidValue, field, "must be \"autoCreate\" or \"reject\"."))
}

/// The most that `support` may move at once.
///
/// # Errors
/// [`Code::OutOfRange`] for a negative amount.
pub fn support_limit(field: &str, amount: Amount) -> Result<Amount, Refusal> {
    if amount.micros() >= 0 {
        Ok(amount)
    } else {
        Err(Refusal::field(Code::OutOfRange, field, "must not be negative."))
    }
}

/// How old events may be, in whole days.
///
/// # Errors
/// [`Code::OutOfRange`] for none at all and for more than 100 years.
pub fn event_horizon(field: &str, days: u32) -> Result<u32, Refusal> {
    if (1..=36_500).contains(&days) {
        Ok(days)
    } else {
        Err(Refusal::field(Code::OutOfRange, field, "must be from 1 to 36500 days, or null for no limit."))
    }
}

/// Where invoices are rounded.
///
/// # Errors
/// [`Code::InvalidValue`] for any other text.
pub fn invoice_rounding(field: &str, text: &str) -> Result<InvoiceRounding, Refusal> {
    InvoiceRounding::parse(text)
        .ok_or_else(|| Refusal::field(Code::InvalidValue, field, "must be \"perInvoice\" or \"perLine\"."))
}

/// What shares are counted in.
///
/// # Errors
/// [`Code::InvalidValue`] for any other text.
pub fn proration_basis(field: &str, text: &str) -> Result<TimeBasis, Refusal> {
    TimeBasis::parse(text).ok_or_else(|| Refusal::field(Code::InvalidValue, field, "must be \"day\" or \"second\"."))
}

/// What becomes of unused time.
///
/// # Errors
/// [`Code::InvalidValue`] for any other text.
pub fn proration_unused(field: &str, text: &str) -> Result<UnusedTime, Refusal> {
    UnusedTime::parse(text)
        .ok_or_else(|| Refusal::field(Code::InvalidValue, field, "must be \"credited\" or \"kept\"."))
}

/// When changes in mid-period are billed.
///
/// # Errors
/// [`Code::InvalidValue`] for any other text.
pub fn proration_billing(field: &str, text: &str) -> Result<ProrationBilling, Refusal> {
    ProrationBilling::parse(text)
        .ok_or_else(|| Refusal::field(Code::InvalidValue, field, "must be \"now\" or \"periodEnd\"."))
}

/// The longest late buffer: 30 days.
pub const LATE_BUFFER_MINUTES_MAX: u32 = 43_200;

/// How long windows wait for late events, in minutes.
///
/// # Errors
/// [`Code::OutOfRange`] for more than 30 days.
pub fn late_buffer(field: &str, minutes: u32) -> Result<u32, Refusal> {
    if minutes <= LATE_BUFFER_MINUTES_MAX {
        Ok(minutes)
    } else {
        Err(Refusal::field(Code::OutOfRange, field, "must be from 0 to 43200 minutes (30 days)."))
    }
}

/// How far back anybody may recompute, in whole days.
///
/// # Errors
/// [`Code::OutOfRange`] for more than 100 years.
pub fn recompute_limit(field: &str, days: u32) -> Result<u32, Refusal> {
    if days <= 36_500 {
        Ok(days)
    } else {
        Err(Refusal::field(Code::OutOfRange, field, "must be from 0 to 36500 days."))
    }
}

/// The mode with this name.
///
/// # Errors
/// [`Code::InvalidValue`] when there is none.
pub fn mode(field: &str, text: &str) -> Result<Mode, Refusal> {
    Mode::parse(text).ok_or_else(|| Refusal::field(Code::InvalidValue, field, "must be \"live\" or \"sandbox\"."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn acme() -> NewProject {
        NewProject {
            name: "Acme Production".to_owned(),
            external_key: "acme-prod".to_owned(),
            mode: None,
            currency: None,
            time_zone: None,
        }
    }

    fn made(new: NewProject) -> Project {
        let now = Instant::parse("2026-03-17T10:15:00Z").unwrap();
        new.into_project(ProjectId::from_uuid(Uuid::from_u128(1)), UserId::from_uuid(Uuid::from_u128(2)), now)
    }

    #[test]
    fn what_was_left_out_has_a_default_but_another_fingerprint() {
        let spelled_out = NewProject { currency: Some(Currency::USD), ..acme() };
        assert_ne!(acme().fingerprint(), spelled_out.fingerprint());
        assert_eq!(made(acme()), made(spelled_out));
    }

    #[test]
    fn a_change_leaves_alone_what_it_does_not_name() {
        let project = made(acme());
        assert_eq!(ProjectChange::default().applied_to(&project), project);
        let change = ProjectChange { event_horizon_days: Change::Set(Some(30)), ..ProjectChange::default() };
        let changed = change.applied_to(&project);
        assert_eq!(changed.policies.event_horizon_days, Some(30));
        assert_eq!(changed.name, project.name);
    }

    #[test]
    fn a_new_project_prorates_as_usual_and_issues_by_itself() {
        let policies = Policies::NEW_PROJECT;
        assert_eq!(policies.proration(), ProrationPolicy::USUAL);
        let invoices = policies.invoices();
        assert_eq!((invoices.finalization, invoices.wait_minutes()), (Finalization::Automatic, 60));
        assert_eq!(invoices.payment_term_days, 14);
    }

    #[test]
    fn policies_out_of_range_are_refused() {
        assert_eq!(event_horizon("policies.eventHorizonDays", 0).unwrap_err().code, Code::OutOfRange);
        let negative = support_limit("policies.supportLimit", Amount::from_micros(-1));
        assert_eq!(negative.unwrap_err().code, Code::OutOfRange);
        assert_eq!(unknown_policy("policies.unknownMetric", "ignore").unwrap_err().code, Code::InvalidValue);
        assert_eq!(mode("mode", "test").unwrap_err().code, Code::InvalidValue);
        assert_eq!(invoice_rounding("policies.invoiceRounding", "up").unwrap_err().code, Code::InvalidValue);
        assert_eq!(proration_basis("policies.prorationBasis", "hour").unwrap_err().code, Code::InvalidValue);
        assert_eq!(proration_unused("policies.prorationUnused", "lost").unwrap_err().code, Code::InvalidValue);
        assert_eq!(proration_billing("policies.prorationBilling", "never").unwrap_err().code, Code::InvalidValue);
        assert_eq!(late_buffer("policies.lateBufferMinutes", 43_201).unwrap_err().code, Code::OutOfRange);
        assert_eq!(recompute_limit("policies.recomputeLimitDays", 36_501).unwrap_err().code, Code::OutOfRange);
        assert_eq!((late_buffer("f", 0), recompute_limit("f", 0)), (Ok(0), Ok(0)));
    }
}
