//! Where and how a customer is taxed: country, region, tax ids, and whether the customer is taxed at all. Rates are of the catalog; what
//! tax results is in [`crate::tax`].

use crate::catalog::tax::Place;
use crate::named::named;
use crate::refusal::{Code, Refusal};
use crate::tax::Treatment;

/// The most tax ids of one customer.
pub const TAX_IDS_MAX: usize = 10;
/// The longest tax id in bytes.
pub const TAX_ID_LENGTH_MAX: usize = 64;
/// The longest reason of an exemption in characters.
pub const EXEMPTION_REASON_LENGTH_MAX: usize = 500;

named! {
    /// Whether a customer is taxed.
    TaxTreatment {
        Taxed = "taxed",
        /// The customer owes the tax; needs a tax id, which is printed.
        ReverseCharge = "reverseCharge",
        /// Not taxed; needs a reason, which is printed.
        Exempt = "exempt",
    }
}

/// What is known of a customer for tax.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomerTax {
    /// ISO 3166-1 alpha-2, upper case; `null` where it is not known: only rates that hold everywhere apply.
    #[serde(default)]
    #[schema(example = "DE")]
    pub country: Option<String>,
    /// A part of the country, ISO 3166-2 without the country: `CA` of `US-CA`.
    #[serde(default)]
    pub region: Option<String>,
    /// As the customer writes them; the first one is printed under reverse charge.
    #[serde(default)]
    #[schema(example = json!(["DE123456789"]))]
    pub tax_ids: Vec<String>,
    #[serde(default = "taxed")]
    pub treatment: TaxTreatment,
    /// Why an exempt customer is exempt.
    #[serde(default)]
    pub exemption_reason: Option<String>,
}

impl CustomerTax {
    /// A customer of whom nothing is known: taxed, at no place.
    pub const UNKNOWN: CustomerTax = CustomerTax {
        country: None,
        region: None,
        tax_ids: Vec::new(),
        treatment: TaxTreatment::Taxed,
        exemption_reason: None,
    };

    /// Refuses what no customer can be; `path` is where the profile stands in the request.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] with the field.
    pub fn checked(self, path: &str) -> Result<CustomerTax, Refusal> {
        let is_country = |text: &String| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        let is_region = |text: &String| {
            (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        };
        let require = |holds: bool, field: &str, detail: &str| {
            let refused = || Refusal::field(Code::InvalidValue, format!("{path}.{field}"), detail);
            holds.then_some(()).ok_or_else(refused)
        };
        let country_fits = self.country.as_ref().is_none_or(is_country);
        require(country_fits, "country", "must be two upper-case letters (ISO 3166-1), such as DE.")?;
        let region_fits = self.region.as_ref().is_none_or(is_region);
        require(region_fits, "region", "must be 1 to 3 upper-case letters or digits (ISO 3166-2), such as CA.")?;
        let has_country = self.region.is_none() || self.country.is_some();
        require(has_country, "country", "is missing: a region lies in a country.")?;
        require(self.tax_ids.len() <= TAX_IDS_MAX, "taxIds", "must be at most 10.")?;
        for (index, id) in self.tax_ids.iter().enumerate() {
            let is_first = !self.tax_ids[..index].contains(id);
            let detail = "must be 1 to 64 bytes of printable text without spaces at its ends, and listed once.";
            require(is_tax_id(id) && is_first, &format!("taxIds[{index}]"), detail)?;
        }
        self.check_treatment(require)?;
        Ok(self)
    }

    fn check_treatment(&self, require: impl Fn(bool, &str, &str) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let is_exempt = self.treatment == TaxTreatment::Exempt;
        let is_reversed = self.treatment == TaxTreatment::ReverseCharge;
        let detail = "must name at least one tax id: under reverse charge it is printed.";
        require(!is_reversed || !self.tax_ids.is_empty(), "taxIds", detail)?;
        let detail = if is_exempt {
            "must say why: 1 to 500 characters, which are printed."
        } else {
            "must be left out: only an exempt customer has one."
        };
        let is_reason = |text: &String| {
            text.trim().len() == text.len()
                && (1..=EXEMPTION_REASON_LENGTH_MAX).contains(&text.chars().count())
                && !text.chars().any(char::is_control)
        };
        let reason_fits = self.exemption_reason.as_ref().map_or(!is_exempt, |reason| is_exempt && is_reason(reason));
        require(reason_fits, "exemptionReason", detail)
    }

    /// How lines are taxed.
    pub fn treatment(&self) -> Treatment {
        let first = |texts: &[String]| texts.first().cloned().unwrap_or_default();
        match self.treatment {
            TaxTreatment::Taxed => Treatment::Taxed,
            TaxTreatment::ReverseCharge => Treatment::ReverseCharge { tax_id: first(&self.tax_ids) },
            TaxTreatment::Exempt => Treatment::Exempt { reason: self.exemption_reason.clone().unwrap_or_default() },
        }
    }

    /// Where the customer is taxed.
    pub fn place(&self) -> Place<'_> {
        Place { country: self.country.as_deref(), region: self.region.as_deref() }
    }

    /// Every field in one text, for fingerprints.
    pub fn canonical(&self) -> String {
        // Cannot fail: texts and a list of texts.
        serde_json::to_string(self).expect("a tax profile is representable in JSON")
    }
}

fn is_tax_id(text: &str) -> bool {
    (1..=TAX_ID_LENGTH_MAX).contains(&text.len())
        && text.trim().len() == text.len()
        && !text.chars().any(char::is_control)
}

fn taxed() -> TaxTreatment {
    TaxTreatment::Taxed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<CustomerTax, Refusal> {
        serde_json::from_str::<CustomerTax>(json).unwrap().checked("tax")
    }

    #[test]
    fn what_is_left_out_is_not_known() {
        assert_eq!(read("{}").unwrap(), CustomerTax::UNKNOWN);
        assert_eq!(CustomerTax::UNKNOWN.treatment(), Treatment::Taxed);
    }

    #[test]
    fn each_treatment_carries_what_is_printed() {
        let reversed = read(r#"{"country":"FR","taxIds":["FR1","FR2"],"treatment":"reverseCharge"}"#).unwrap();
        assert_eq!(reversed.treatment(), Treatment::ReverseCharge { tax_id: "FR1".to_owned() });
        assert_eq!(reversed.place().country, Some("FR"));
        let exempt = read(r#"{"treatment":"exempt","exemptionReason":"Charity"}"#).unwrap();
        assert_eq!(exempt.treatment(), Treatment::Exempt { reason: "Charity".to_owned() });
    }

    #[rstest::rstest]
    #[case(r#"{"country":"de"}"#, "tax.country")]
    #[case(r#"{"region":"CA"}"#, "tax.country")]
    #[case(r#"{"country":"US","region":"California"}"#, "tax.region")]
    #[case(r#"{"taxIds":[" DE1"]}"#, "tax.taxIds[0]")]
    #[case(r#"{"taxIds":["DE1","DE1"]}"#, "tax.taxIds[1]")]
    #[case(r#"{"taxIds":["1","2","3","4","5","6","7","8","9","10","11"]}"#, "tax.taxIds")]
    #[case(r#"{"treatment":"reverseCharge"}"#, "tax.taxIds")]
    #[case(r#"{"treatment":"exempt"}"#, "tax.exemptionReason")]
    #[case(r#"{"treatment":"exempt","exemptionReason":" "}"#, "tax.exemptionReason")]
    #[case(r#"{"exemptionReason":"Charity"}"#, "tax.exemptionReason")]
    fn what_no_customer_can_be_is_refused_with_its_field(#[case] json: &str, #[case] field: &str) {
        let refusal = read(json).unwrap_err();
        assert_eq!((refusal.code, refusal.first_field()), (Code::InvalidValue, Some(field)));
    }
}
