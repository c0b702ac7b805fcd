//! What the demo sells: the example catalog of the documentation, applied as a file.

use crate::account::Account;
use crate::client::{Client, Request};
use crate::{LoadError, requests};

/// The file that `docs/concepts/catalog.md` explains.
const CATALOG: &str = include_str!("../../../../docs/examples/catalog.yaml");

/// Applies the catalog to the project.
pub(super) fn apply(client: &mut Client, account: &Account) -> Result<(), LoadError> {
    let path = format!("/projects/{}/catalog/apply", account.project_id);
    let request =
        Request::post(path).bearer(&account.access_token).body("application/yaml", CATALOG.as_bytes().to_vec());
    client.send_patiently(&request)?.require(&request.name(), &[200])?;
    Ok(())
}

/// What the catalog's plans are called, as far as the demo asks for them.
pub(super) const TEAM: &str = "team";
pub(super) const PAY_AS_YOU_GO: &str = "pay-as-you-go";

/// Asks what a plan would cost, and why.
pub(super) fn estimate(account: &Account, body: &serde_json::Value) -> Request {
    requests::write(&account.access_token, &account.project_id, "/estimate", body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plans_that_the_demo_asks_for_are_in_the_file() {
        for plan in [TEAM, PAY_AS_YOU_GO] {
            assert!(CATALOG.contains(&format!("\n  - key: {plan}\n")), "{plan}");
        }
    }
}
