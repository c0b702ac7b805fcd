//! Customers: who is billed. Each project has one built-in customer, itself.

use crate::customer_tax::CustomerTax;
use crate::ids::CustomerId;
use crate::projects::Change;
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
}

/// What somebody changes about a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomerChange {
    pub name: Change<String>,
    pub time_zone: Change<Option<String>>,
    /// The whole profile, in place of the one before.
    pub tax: Change<CustomerTax>,
}

impl NewCustomer {
    /// The customer, with a default for whatever was left out.
    pub fn into_customer(self, id: CustomerId, created_at: Instant) -> Customer {
        Customer {
            id,
            name: self.name.unwrap_or_else(|| self.external_key.clone()),
            external_key: self.external_key,
            time_zone: self.time_zone,
            built_in: false,
            created_at,
            tax: self.tax.unwrap_or(CustomerTax::UNKNOWN),
        }
    }

    /// Whether this customer is what is asked for, so that asking again changes nothing.
    pub fn describes(&self, customer: &Customer) -> bool {
        let wanted = self.clone().into_customer(customer.id, customer.created_at);
        wanted == *customer
    }
}

impl CustomerChange {
    /// The customer as it is afterwards.
    pub fn applied_to(self, customer: &Customer) -> Customer {
        let mut changed = customer.clone();
        self.name.apply(&mut changed.name);
        self.time_zone.apply(&mut changed.time_zone);
        self.tax.apply(&mut changed.tax);
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn acme() -> NewCustomer {
        NewCustomer { external_key: "acme".to_owned(), name: None, time_zone: None, tax: None }
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
        let asked =
            NewCustomer { external_key: SELF_KEY.to_owned(), name: Some(own.name.clone()), time_zone: None, tax: None };
        assert!(!asked.describes(&own));
    }
}
