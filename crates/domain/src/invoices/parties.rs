//! The two sides of an invoice: who sells, and to whom it is addressed. An invoice takes a copy of both when it is issued.

use crate::locale::Locale;
use crate::refusal::{Code, Refusal};
use crate::text::{NAME_LENGTH_MAX, printable};
use crate::users::Email;

/// The most lines of an address above its city.
pub const ADDRESS_LINES_MAX: usize = 4;
/// The most tax ids a seller prints.
pub const SELLER_TAX_IDS_MAX: usize = 5;
/// The longest footer in characters.
pub const FOOTER_LENGTH_MAX: usize = 1_000;
const POSTAL_CODE_LENGTH_MAX: usize = 20;
const TAX_ID_LENGTH_MAX: usize = 64;
const WEBSITE_LENGTH_MAX: usize = 200;

/// A postal address as it is printed. Everything may be missing; nothing is looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Address {
    /// Street, building, department: at most four lines.
    #[serde(default)]
    #[schema(example = json!(["Lindenweg 4"]))]
    pub lines: Vec<String>,
    #[serde(default)]
    #[schema(example = "10115")]
    pub postal_code: Option<String>,
    #[serde(default)]
    #[schema(example = "Berlin")]
    pub city: Option<String>,
    /// State, province or county, where the country writes it.
    #[serde(default)]
    pub region: Option<String>,
    /// ISO 3166-1 alpha-2, upper case.
    #[serde(default)]
    #[schema(example = "DE")]
    pub country: Option<String>,
}

/// Who sells: printed on every invoice and credit note of the project.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Seller {
    /// `null` prints the name of the project.
    #[serde(default)]
    #[schema(example = "Neruba Example GmbH")]
    pub legal_name: Option<String>,
    #[serde(default)]
    pub address: Address,
    /// As the seller writes them; at most five.
    #[serde(default)]
    #[schema(example = json!(["DE123456789"]))]
    pub tax_ids: Vec<String>,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub website: Option<String>,
    /// Printed at the foot: bank details, register, terms. At most 1,000 characters; line breaks are kept.
    #[serde(default)]
    pub footer: Option<String>,
    /// What documents are written in for customers that say nothing else; `null` is `en-US`.
    #[serde(default)]
    pub locale: Option<Locale>,
}

/// To whom the invoices of a customer are addressed. Tax ids are of the tax profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BillingDetails {
    /// `null` prints the name of the customer.
    #[serde(default)]
    #[schema(example = "Acme Incorporated")]
    pub legal_name: Option<String>,
    #[serde(default)]
    pub address: Address,
    #[serde(default)]
    #[schema(example = "invoices@example.com")]
    pub email: Option<String>,
    /// What documents are written in; `null` follows the seller.
    #[serde(default)]
    pub locale: Option<Locale>,
}

impl Address {
    /// Refuses what cannot be printed; `path` is where the address stands in the request.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] with the field.
    pub fn checked(self, path: &str) -> Result<Address, Refusal> {
        if self.lines.len() > ADDRESS_LINES_MAX {
            let detail = format!("must be at most {ADDRESS_LINES_MAX}.");
            return Err(Refusal::field(Code::InvalidValue, format!("{path}.lines"), detail));
        }
        let is_country = |text: &String| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        if self.country.as_ref().is_some_and(|country| !is_country(country)) {
            let detail = "must be two upper-case letters (ISO 3166-1), such as DE.";
            return Err(Refusal::field(Code::InvalidValue, format!("{path}.country"), detail));
        }
        Ok(Address {
            lines: list(self.lines, &format!("{path}.lines"), NAME_LENGTH_MAX)?,
            postal_code: optional(self.postal_code, &format!("{path}.postalCode"), POSTAL_CODE_LENGTH_MAX)?,
            city: optional(self.city, &format!("{path}.city"), NAME_LENGTH_MAX)?,
            region: optional(self.region, &format!("{path}.region"), NAME_LENGTH_MAX)?,
            country: self.country,
        })
    }
}

impl Seller {
    /// Refuses what cannot be printed; `path` is where the seller stands in the request.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] with the field.
    pub fn checked(self, path: &str) -> Result<Seller, Refusal> {
        let tax_ids = format!("{path}.taxIds");
        if self.tax_ids.len() > SELLER_TAX_IDS_MAX {
            let detail = format!("must be at most {SELLER_TAX_IDS_MAX}.");
            return Err(Refusal::field(Code::InvalidValue, tax_ids, detail));
        }
        Ok(Seller {
            legal_name: optional(self.legal_name, &format!("{path}.legalName"), NAME_LENGTH_MAX)?,
            address: self.address.checked(&format!("{path}.address"))?,
            tax_ids: list(self.tax_ids, &tax_ids, TAX_ID_LENGTH_MAX)?,
            email: email(self.email, &format!("{path}.email"))?,
            website: optional(self.website, &format!("{path}.website"), WEBSITE_LENGTH_MAX)?,
            footer: self.footer.map(|text| footer(&text, &format!("{path}.footer"))).transpose()?,
            locale: self.locale,
        })
    }
}

impl BillingDetails {
    /// A customer of whom nothing is known but its name.
    pub fn unknown() -> BillingDetails {
        BillingDetails::default()
    }

    /// Refuses what cannot be printed; `path` is where the details stand in the request.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] with the field.
    pub fn checked(self, path: &str) -> Result<BillingDetails, Refusal> {
        Ok(BillingDetails {
            legal_name: optional(self.legal_name, &format!("{path}.legalName"), NAME_LENGTH_MAX)?,
            address: self.address.checked(&format!("{path}.address"))?,
            email: email(self.email, &format!("{path}.email"))?,
            locale: self.locale,
        })
    }

    /// What the customer's documents are written in.
    pub fn locale(&self, seller: &Seller) -> Locale {
        self.locale.or(seller.locale).unwrap_or(Locale::USUAL)
    }

    /// Every field in one text, for fingerprints.
    pub fn canonical(&self) -> String {
        // Cannot fail: texts and lists of texts.
        serde_json::to_string(self).expect("billing details are representable in JSON")
    }
}

fn optional(text: Option<String>, field: &str, length_max: usize) -> Result<Option<String>, Refusal> {
    text.map(|text| printable(field, &text, length_max)).transpose()
}

fn list(texts: Vec<String>, field: &str, length_max: usize) -> Result<Vec<String>, Refusal> {
    let texts = texts.iter().enumerate();
    texts.map(|(index, text)| printable(&format!("{field}[{index}]"), text, length_max)).collect()
}

fn email(text: Option<String>, field: &str) -> Result<Option<String>, Refusal> {
    text.map(|text| Email::parse(field, &text).map(|email| email.as_str().to_owned())).transpose()
}

/// A text of several lines.
fn footer(text: &str, field: &str) -> Result<String, Refusal> {
    let lines = text.replace("\r\n", "\n");
    let lines = lines.trim();
    let is_printable = !lines.chars().any(|letter| letter.is_control() && letter != '\n');
    if (1..=FOOTER_LENGTH_MAX).contains(&lines.chars().count()) && is_printable {
        return Ok(lines.to_owned());
    }
    let detail = format!("must be 1 to {FOOTER_LENGTH_MAX} characters of printable text.");
    Err(Refusal::field(Code::InvalidValue, field, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seller(json: &str) -> Result<Seller, Refusal> {
        serde_json::from_str::<Seller>(json).unwrap().checked("seller")
    }

    fn details(json: &str) -> Result<BillingDetails, Refusal> {
        serde_json::from_str::<BillingDetails>(json).unwrap().checked("billing")
    }

    #[test]
    fn what_is_left_out_is_not_known() {
        assert_eq!(seller("{}").unwrap(), Seller::default());
        assert_eq!(details("{}").unwrap(), BillingDetails::unknown());
    }

    #[test]
    fn spaces_and_line_ends_are_put_in_order() {
        let kept =
            seller(r#"{"legalName":" Acme ","footer":" IBAN 1\r\nRegister 2\n","email":" Billing@Example.com"}"#);
        let kept = kept.unwrap();
        assert_eq!(kept.legal_name.as_deref(), Some("Acme"));
        assert_eq!(kept.footer.as_deref(), Some("IBAN 1\nRegister 2"));
        assert_eq!(kept.email.as_deref(), Some("billing@example.com"));
    }

    #[test]
    fn the_customers_locale_comes_before_the_sellers_and_that_before_the_usual_one() {
        let german = seller(r#"{"locale":"de-DE"}"#).unwrap();
        let french = details(r#"{"locale":"fr-FR"}"#).unwrap();
        assert_eq!(french.locale(&german), Locale::FrFr);
        assert_eq!(BillingDetails::unknown().locale(&german), Locale::DeDe);
        assert_eq!(BillingDetails::unknown().locale(&Seller::default()), Locale::EnUs);
    }

    #[rstest::rstest]
    #[case(r#"{"legalName":" "}"#, "seller.legalName")]
    #[case(r#"{"address":{"lines":["1","2","3","4","5"]}}"#, "seller.address.lines")]
    #[case(r#"{"address":{"lines":["1","two\nlines"]}}"#, "seller.address.lines[1]")]
    #[case(r#"{"address":{"country":"de"}}"#, "seller.address.country")]
    #[case(r#"{"address":{"postalCode":""}}"#, "seller.address.postalCode")]
    #[case(r#"{"taxIds":["1","2","3","4","5","6"]}"#, "seller.taxIds")]
    #[case(r#"{"taxIds":[""]}"#, "seller.taxIds[0]")]
    #[case(r#"{"email":"nobody"}"#, "seller.email")]
    #[case(r#"{"website":""}"#, "seller.website")]
    #[case(r#"{"footer":"a\u0000b"}"#, "seller.footer")]
    fn what_cannot_be_printed_is_refused_with_its_field(#[case] json: &str, #[case] field: &str) {
        let refusal = seller(json).unwrap_err();
        assert_eq!((refusal.code, refusal.first_field()), (Code::InvalidValue, Some(field)));
    }

    #[rstest::rstest]
    #[case(r#"{"legalName":"a\tb"}"#, "billing.legalName")]
    #[case(r#"{"address":{"city":" "}}"#, "billing.address.city")]
    #[case(r#"{"email":"@"}"#, "billing.email")]
    fn a_customer_that_cannot_be_addressed_is_refused_with_its_field(#[case] json: &str, #[case] field: &str) {
        let refusal = details(json).unwrap_err();
        assert_eq!((refusal.code, refusal.first_field()), (Code::InvalidValue, Some(field)));
    }
}
