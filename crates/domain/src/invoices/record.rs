//! Which invoice it is: whose, of which day, and how it stands. What is on it is in its charges until it is issued, and in its document
//! from then on.

use jiff::civil::Date;

use crate::currency::Currency;
use crate::ids::{BillingRunId, CustomerId, InvoiceId, ProjectId, derived};
use crate::invoices::standing::Standing;
use crate::named::named;
use crate::time::Instant;

named! {
    /// How an invoice came about.
    InvoiceKind {
        /// Everything of a customer that falls on one day.
        Regular = "regular",
        /// Items that a person put together.
        OneOff = "oneOff",
        /// What late usage adds to an invoice that was issued.
        Adjustment = "adjustment",
        /// A new version of an invoice that was taken back.
        Replacement = "replacement",
    }
}

/// What names an invoice before it has a number: made again, it is the same one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InvoiceName {
    /// Who pays.
    pub customer: CustomerId,
    pub currency: Currency,
    pub kind: InvoiceKind,
    /// The civil day in the zone of who pays.
    pub bills_on: Date,
    /// From 0; more than one where something came up after the day's invoice was issued.
    pub part: u32,
}

/// An invoice with its standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceRecord {
    pub id: InvoiceId,
    pub name: InvoiceName,
    pub standing: Standing,
    /// From when on it is issued by itself, unless a person has to.
    pub issues_at: Instant,
    /// The void invoice that this one replaces.
    pub replaces: Option<InvoiceId>,
    pub run: Option<BillingRunId>,
    pub created_at: Instant,
    pub issued_at: Option<Instant>,
    pub voided_at: Option<Instant>,
}

impl InvoiceName {
    /// The id of the invoice with this name; it sorts by `at`, an instant that follows from the day.
    pub fn id(&self, project: ProjectId, at: Instant) -> InvoiceId {
        let InvoiceName { customer, currency, kind, bills_on, part } = self;
        let name = format!("{customer}/{currency}/{kind}/{bills_on}/{part}");
        InvoiceId::from_uuid(derived(at, project, "invoice", &name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use uuid::Uuid;

    #[test]
    fn an_invoice_of_another_day_part_or_kind_is_another_one() {
        let project = ProjectId::from_uuid(Uuid::from_u128(7));
        let at = Instant::parse("2026-03-01T00:00:00Z").unwrap();
        let name = InvoiceName {
            customer: CustomerId::from_uuid(Uuid::from_u128(9)),
            currency: Currency::USD,
            kind: InvoiceKind::Regular,
            bills_on: date(2026, 3, 1),
            part: 0,
        };
        let id = name.id(project, at);
        assert_eq!(name.clone().id(project, at), id);
        let others = [
            InvoiceName { bills_on: date(2026, 3, 2), ..name.clone() },
            InvoiceName { part: 1, ..name.clone() },
            InvoiceName { kind: InvoiceKind::Adjustment, ..name },
        ];
        assert!(others.iter().all(|other| other.id(project, at) != id));
    }
}
