//! The fixed words of a document. A language that lacks one does not compile. `{}` stands for what is put in.

use super::Locale;

mod de;
mod en;
mod es;
mod fr;
mod it;
mod nl;

/// Every word that is printed and is not data.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct Words {
    pub invoice: &'static str,
    pub credit_note: &'static str,
    pub invoice_number: &'static str,
    pub credit_note_number: &'static str,
    pub issued_on: &'static str,
    pub due_on: &'static str,
    pub period: &'static str,
    pub customer_number: &'static str,
    /// The invoice that a credit note credits.
    pub credited_invoice: &'static str,
    /// The void invoice that an invoice replaces.
    pub replaced_invoice: &'static str,
    pub reason: &'static str,
    pub from: &'static str,
    pub bill_to: &'static str,
    pub tax_id: &'static str,
    /// Below the amount at the top: `due {}`.
    pub due_by: &'static str,
    /// Below the amount at the top of a credit note.
    pub credited_on: &'static str,
    pub no_payment: &'static str,
    pub description: &'static str,
    pub quantity: &'static str,
    pub unit_price: &'static str,
    pub tax: &'static str,
    /// With the currency.
    pub amount_in: &'static str,
    pub other_items: &'static str,
    /// Notes of a line.
    pub unused_time: &'static str,
    pub used_by: &'static str,
    pub adjusts: &'static str,
    pub discount_of: &'static str,
    /// Steps of an explanation.
    pub included: &'static str,
    pub tier: &'static str,
    pub tier_above: &'static str,
    pub tier_fee: &'static str,
    pub packages_of: &'static str,
    pub flat: &'static str,
    pub share_of: &'static str,
    pub event_fees: &'static str,
    pub event_limits: &'static str,
    pub carried: &'static str,
    pub earlier: &'static str,
    pub charged: &'static str,
    pub minimum: &'static str,
    pub cap: &'static str,
    pub rounding: &'static str,
    /// Totals.
    pub subtotal: &'static str,
    pub discount: &'static str,
    /// Name of the rate, percent, base.
    pub tax_on: &'static str,
    pub tax_included: &'static str,
    pub total: &'static str,
    pub prepaid: &'static str,
    pub balance_applied: &'static str,
    pub to_balance: &'static str,
    pub amount_due: &'static str,
    pub amount_credited: &'static str,
    /// Below the totals.
    pub reverse_charge: &'static str,
    pub exempt: &'static str,
}

pub(super) const fn of(locale: Locale) -> &'static Words {
    match locale {
        Locale::EnUs | Locale::EnGb => &en::WORDS,
        Locale::DeDe => &de::WORDS,
        Locale::FrFr => &fr::WORDS,
        Locale::EsEs => &es::WORDS,
        Locale::ItIt => &it::WORDS,
        Locale::NlNl => &nl::WORDS,
    }
}

/// Puts texts in the places of `{}`, in their order. A text is never looked into: one that holds `{}` stays what it is.
pub(crate) fn fill(pattern: &str, texts: &[&str]) -> String {
    let mut filled = String::new();
    let mut texts = texts.iter();
    for (index, piece) in pattern.split("{}").enumerate() {
        if index > 0 {
            filled.push_str(texts.next().copied().unwrap_or_default());
        }
        filled.push_str(piece);
    }
    filled
}
