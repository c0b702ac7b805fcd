//! Customers: who is billed. Each project has one built-in customer, itself.

use crate::ids::CustomerId;
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
}
