//! What a project prints on its invoices: who sells, and how numbers look. Its policies are changed with the project.

use domain::access::Permission;
use domain::invoices::settings::BillingSettings;
use storage::billing_settings;

use crate::audit::{AuditRecord, Audited};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;

impl Engine {
    /// # Errors
    /// [`domain::refusal::Code::Forbidden`] without the permission to read what is billed.
    pub fn get_billing_settings(&self, ctx: &Ctx) -> Result<BillingSettings, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "get_billing_settings", |tx| Ok(billing_settings::get(tx)?))
    }

    /// Replaces the settings as a whole. What was issued keeps what was printed on it.
    ///
    /// # Errors
    /// [`domain::refusal::Code::Forbidden`] without the permission to change them.
    pub fn put_billing_settings(&self, ctx: &Ctx, settings: &BillingSettings) -> Result<BillingSettings, Error> {
        ctx.require(Permission::BillingSettings)?;
        self.command(ctx, "put_billing_settings", |tx| {
            let before = billing_settings::get(tx)?;
            billing_settings::put(tx, settings, ctx.now())?;
            let record = AuditRecord::new("billing.settings_changed", ctx.project).changed(&before, settings)?;
            Ok(Audited::new(settings.clone(), record))
        })
    }
}
