//! The price as it was when something was rated by it: stored with each charge, in a canonical form with a digest.

use sha2::{Digest, Sha256};

use crate::pricing::terms::Terms;
use crate::time::Instant;

/// The version of the canonical form. A new version never changes what an old one says.
pub const VERSION: u8 = 1;

/// Everything about a price that a charge depends on.
///
/// The canonical form is JSON in the order of these fields, without white space, numbers as the exact text of their type, maps sorted
/// by key, absent fields left out.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceSnapshot {
    pub version: u8,
    pub plan: String,
    pub plan_version: u32,
    pub price: String,
    /// The metric of a usage price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Currency or asset of the amounts.
    pub asset: String,
    /// From when on the terms are in force; absent: from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Instant>,
    pub terms: Terms,
}

impl PriceSnapshot {
    /// The bytes that are stored and hashed.
    pub fn canonical(&self) -> String {
        // Cannot fail: texts, numbers as texts, and maps with text keys.
        serde_json::to_string(self).expect("a snapshot is representable in JSON")
    }

    /// SHA-256 of the canonical form.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.canonical().as_bytes()).into()
    }

    /// The digest in lower-case hexadecimal.
    pub fn digest_text(&self) -> String {
        self.digest().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(terms: &str) -> PriceSnapshot {
        PriceSnapshot {
            version: VERSION,
            plan: "team".to_owned(),
            plan_version: 3,
            price: "api-calls".to_owned(),
            metric: Some("api_calls".to_owned()),
            asset: "USD".to_owned(),
            effective_from: Instant::parse("2026-07-01T00:00:00Z").ok(),
            terms: serde_json::from_str(terms).unwrap(),
        }
    }

    /// The stored form of every charge depends on it: it may only change together with the version.
    #[test]
    fn the_canonical_form_is_pinned() {
        let terms = r#"{"rates":[{"model":{"unitPrice":"0.10","type":"perUnit"},"when":{"region":"eu","model":"big"}}],
            "included":"100","model":{"tiers":[{"unitPrice":"0.2","upTo":"1e0"},{"unitPrice":"0.1"}],"type":"graduated"}}"#;
        let snapshot = snapshot(&terms.replace("1e0", "1000"));
        insta::assert_snapshot!(snapshot.canonical(), @r#"{"version":1,"plan":"team","planVersion":3,"price":"api-calls","metric":"api_calls","asset":"USD","effectiveFrom":"2026-07-01T00:00:00.000Z","terms":{"model":{"type":"graduated","tiers":[{"upTo":"1000.000000","unitPrice":"0.2"},{"unitPrice":"0.1"}]},"included":"100.000000","rates":[{"when":{"model":"big","region":"eu"},"model":{"type":"perUnit","unitPrice":"0.1"}}]}}"#);
        insta::assert_snapshot!(snapshot.digest_text(), @"073353fa2623c4cb67a2669a1e033077e1a360481ca37bad270a2fe84f614a7e");
    }

    #[test]
    fn it_comes_back_as_it_was() {
        let one = snapshot(r#"{"model":{"type":"package","size":"1000","price":"5"},"cap":"100.000000"}"#);
        let back: PriceSnapshot = serde_json::from_str(&one.canonical()).unwrap();
        assert_eq!((back.digest(), &back), (one.digest(), &one));
    }
}
