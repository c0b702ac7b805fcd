//! Customers: who is billed. Each project has one built-in customer, itself.

use crate::customer_tax::CustomerTax;
use crate::ids::CustomerId;
use crate::invoices::parties::BillingDetails;
use crate::projects::Change;
use crate::refusal::{Code, Refusal};
use crate::time::Instant;

/// The key of the customer that stands for the project itself; no other customer can take it.
pub const SELF_KEY: &str = "self";

/// Who is billed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    pub id: CustomerId,
    /// The project's own name for the customer; `customerKey` in requests.
    pub external_key: String,
    pub name: String,
    /// IANA name of the customer's zone; `null` follows the project.
    pub time_zone: Option<String>,
    /// The project's own customer, used when a request names none.
    pub built_in: bool,
    pub created_at: Instant,
    /// Where and how the customer is taxed.
    pub tax: CustomerTax,
    /// To whom invoices are addressed.
    pub billing: BillingDetails,
    /// `externalKey` of the customer who pays for this one; `null` pays for itself.
    #[serde(rename = "payerKey")]
    #[schema(rename = "payerKey", value_type = Option<String>)]
    pub payer: Option<Payer>,
}

/// A customer who pays for another one; its key in the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payer {
    pub id: CustomerId,
    pub external_key: String,
}

/// What the rule about payers looks at.
#[derive(Debug, Clone, Copy)]
pub struct PayerCheck<'a> {
    /// The customer who is to be paid for.
    pub customer: &'a Customer,
    /// Who shall pay.
    pub payer: &'a Customer,
    /// A customer whom `customer` pays for already.
    pub dependent: Option<&'a str>,
}

/// What somebody asks for who makes a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCustomer {
    pub external_key: String,
    /// Without one, the external key is the name.
    pub name: Option<String>,
    pub time_zone: Option<String>,
    /// Without one, nothing is known: taxed, at no place.
    pub tax: Option<CustomerTax>,
    /// Without them, invoices are addressed to the name.
    pub billing: Option<BillingDetails>,
    /// Without one, the customer pays for itself.
    pub payer_key: Option<String>,
}

/// What somebody changes about a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomerChange {
    pub name: Change<String>,
    pub time_zone: Change<Option<String>>,
    /// The whole profile, in place of the one before.
    pub tax: Change<CustomerTax>,
    /// The whole details, in place of those before.
    pub billing: Change<BillingDetails>,
    pub payer_key: Change<Option<String>>,
}

impl Customer {
    /// Who pays for what the customer uses: another customer, or itself.
    pub fn payer_id(&self) -> CustomerId {
        self.payer.as_ref().map_or(self.id, |payer| payer.id)
    }
}

impl PayerCheck<'_> {
    /// The payer, if it may be one: payers are paid for by nobody, so that nobody has to follow a chain.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for the customer itself, [`Code::PayerChain`] when one of the two is in another such relation.
    pub fn accept(&self) -> Result<Payer, Refusal> {
        let PayerCheck { customer, payer, dependent } = self;
        if customer.id == payer.id {
            let detail = "must be another customer. Leave it out, or send null: a customer pays for itself.";
            return Err(Refusal::field(Code::InvalidValue, "payerKey", detail));
        }
        if let Some(further) = &payer.payer {
            let detail = format!(
                "{:?} is paid for by {:?}. Name {:?} as the payer instead.",
                payer.external_key, further.external_key, further.external_key
            );
            return Err(Refusal::field(Code::PayerChain, "payerKey", detail));
        }
        if let Some(dependent) = dependent {
            let detail = format!(
                "cannot be set: {:?} pays for {dependent:?}. Let {:?} pay for that one first.",
                customer.external_key, payer.external_key
            );
            return Err(Refusal::field(Code::PayerChain, "payerKey", detail));
        }
        Ok(Payer { id: payer.id, external_key: payer.external_key.clone() })
    }
}

impl serde::Serialize for Payer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.external_key)
    }
}

impl NewCustomer {
    /// A customer of whom only the key is said.
    pub fn with_key(external_key: impl Into<String>) -> NewCustomer {
        NewCustomer {
            external_key: external_key.into(),
            name: None,
            time_zone: None,
            tax: None,
            billing: None,
            payer_key: None,
        }
    }

    /// The customer, with a default for whatever was left out. Who pays for it is known only where the payer was looked up.
    pub fn into_customer(self, id: CustomerId, created_at: Instant) -> Customer {
        Customer {
            id,
            name: self.name.unwrap_or_else(|| self.external_key.clone()),
            external_key: self.external_key,
            time_zone: self.time_zone,
            built_in: false,
            created_at,
            tax: self.tax.unwrap_or(CustomerTax::UNKNOWN),
            billing: self.billing.unwrap_or_default(),
            payer: None,
        }
    }

    /// Whether this customer is what is asked for, so that asking again changes nothing.
    pub fn describes(&self, customer: &Customer) -> bool {
        let made = self.clone().into_customer(customer.id, customer.created_at);
        let wanted = Customer { payer: customer.payer.clone(), ..made };
        let payer_key = customer.payer.as_ref().map(|payer| &payer.external_key);
        wanted == *customer && payer_key == self.payer_key.as_ref()
    }
}

impl CustomerChange {
    /// The customer as it is afterwards, but for who pays for it.
    pub fn applied_to(self, customer: &Customer) -> Customer {
        let mut changed = customer.clone();
        self.name.apply(&mut changed.name);
        self.time_zone.apply(&mut changed.time_zone);
        self.tax.apply(&mut changed.tax);
        self.billing.apply(&mut changed.billing);
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn acme() -> NewCustomer {
        NewCustomer::with_key("acme")
    }

    fn made() -> Customer {
        let now = Instant::from_micros(0).unwrap();
        acme().into_customer(CustomerId::from_uuid(Uuid::from_u128(1)), now)
    }

    #[test]
    fn a_customer_without_a_name_is_called_by_its_key() {
        assert_eq!(made().name, "acme");
    }

    #[test]
    fn asking_again_describes_the_same_customer_until_it_is_changed() {
        assert!(acme().describes(&made()));
        let change = CustomerChange { name: Change::Set("Acme Inc".to_owned()), ..CustomerChange::default() };
        assert!(!acme().describes(&change.applied_to(&made())));
    }

    #[test]
    fn the_projects_own_customer_is_never_made_again() {
        let own = Customer { built_in: true, external_key: SELF_KEY.to_owned(), ..made() };
        let asked = NewCustomer { name: Some(own.name.clone()), ..NewCustomer::with_key(SELF_KEY) };
        assert!(!asked.describes(&own));
    }

    fn numbered(number: u128, key: &str) -> Customer {
        NewCustomer::with_key(key).into_customer(CustomerId::from_uuid(Uuid::from_u128(number)), made().created_at)
    }

    #[test]
    fn who_pays_is_part_of_what_was_asked_for() {
        let holding = numbered(2, "holding");
        let accepted = PayerCheck { customer: &made(), payer: &holding, dependent: None }.accept().unwrap();
        let paid_for = Customer { payer: Some(accepted), ..made() };
        assert_eq!((made().payer_id(), paid_for.payer_id()), (made().id, holding.id));
        assert!(!acme().describes(&paid_for));
        let asked = NewCustomer { payer_key: Some("holding".to_owned()), ..acme() };
        assert!(asked.describes(&paid_for) && !asked.describes(&made()));
        assert_eq!(serde_json::to_value(&paid_for).unwrap()["payerKey"], "holding");
    }

    #[test]
    fn nobody_pays_for_itself_and_payers_do_not_chain() {
        let (acme, holding, top) = (made(), numbered(2, "holding"), numbered(3, "top"));
        let refused = |check: PayerCheck<'_>| check.accept().unwrap_err();
        let itself = refused(PayerCheck { customer: &acme, payer: &acme, dependent: None });
        assert_eq!((itself.code, itself.first_field()), (Code::InvalidValue, Some("payerKey")));
        let payer = Payer { id: top.id, external_key: top.external_key };
        let below = Customer { payer: Some(payer), ..holding.clone() };
        let upwards = refused(PayerCheck { customer: &acme, payer: &below, dependent: None });
        assert_eq!(upwards.code, Code::PayerChain);
        assert!(upwards.detail.contains("Name \"top\""), "{}", upwards.detail);
        let downwards = refused(PayerCheck { customer: &acme, payer: &holding, dependent: Some("shop") });
        assert_eq!((downwards.code, downwards.first_field()), (Code::PayerChain, Some("payerKey")));
    }
}
