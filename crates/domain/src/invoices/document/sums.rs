//! What must hold on both sides of the boundary: the totals of a document are the sums of what it shows.

use crate::amount::Amount;
use crate::tax::TaxBehaviour;

use super::{Document, DocumentError, Line};

impl Document {
    /// Finds a total that is not the sum of its parts.
    ///
    /// # Errors
    /// [`DocumentError::Sum`] with the first one; [`DocumentError::OutOfRange`].
    pub fn check(&self) -> Result<(), DocumentError> {
        let of_lines = |part: fn(&Line) -> Amount| Amount::checked_sum(self.lines.iter().map(part));
        let added = self.taxes.iter().filter(|tax| tax.behaviour == TaxBehaviour::Exclusive).map(|tax| tax.tax);
        let total = self
            .subtotal
            .checked_sub(self.discount)
            .and_then(|net| net.checked_add(Amount::checked_sum(added)?))
            .and_then(|gross| gross.checked_add(self.rounding.amount));
        let due = self.total.checked_sub(self.prepaid_applied).and_then(|rest| rest.checked_sub(self.balance_applied));
        let tax = Amount::checked_sum(self.taxes.iter().map(|tax| tax.tax));
        for (what, stated, actual) in [
            ("subtotal", self.subtotal, of_lines(|line| line.amount)),
            ("discount", self.discount, of_lines(|line| line.discount)),
            ("tax of the lines", self.tax, of_lines(|line| line.tax)),
            ("tax", self.tax, tax),
            ("total", self.total, total),
            ("prepaid amount", self.prepaid_applied, of_lines(|line| line.prepaid)),
            ("amount due", self.amount_due, due),
        ] {
            let actual = actual.ok_or(DocumentError::OutOfRange { what })?;
            if stated != actual {
                return Err(DocumentError::Sum { what, stated, actual });
            }
        }
        Ok(())
    }
}
