//! Plans and their versions: a draft can change, a published version never does.

use crate::amount::Amount;
use crate::calendar::Interval;
use crate::catalog::asset::AssetCode;
use crate::catalog::key::check_key;
use crate::catalog::price::Price;
use crate::catalog::{References, check_prices};
use crate::currency::Currency;
use crate::ids::PlanId;
use crate::named::named;
use crate::problems::Problems;
use crate::ratio::OutOfRange;
use crate::refusal::{Code, Refusal};
use crate::tax::TaxBehaviour;
use crate::time::Instant;

named! {
    /// Whether a version can still change.
    PlanState {
        Draft = "draft",
        Published = "published",
    }
}

/// What customers subscribe to. What it says is in its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub id: PlanId,
    pub key: String,
    /// The greatest number that a version of it ever had; numbers are never used twice.
    pub last_number: u32,
    pub created_at: Instant,
    /// Set when nobody new can subscribe to it any more.
    pub archived_at: Option<Instant>,
}

/// The longest trial, in days.
pub const TRIAL_DAYS_MAX: u16 = 1_000;

/// What a plan version says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanDefinition {
    pub key: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub currency: Currency,
    /// Days before the first charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_days: Option<u16>,
    /// Whether its prices are told without or with tax.
    #[serde(default = "exclusive")]
    pub tax_behaviour: TaxBehaviour,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_commitment: Option<MinimumCommitment>,
    pub prices: Vec<Price>,
    /// Keys of the add-ons that can be booked with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_ons: Vec<String>,
}

/// The least that all prices together come to in an interval; what is missing is billed as a true-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MinimumCommitment {
    pub amount: Amount,
    pub interval: Interval,
}

impl MinimumCommitment {
    /// `max(0, committed − charged)`.
    ///
    /// # Errors
    /// [`OutOfRange`] when the difference is larger than an amount can be.
    pub fn true_up(&self, charged: Amount) -> Result<Amount, OutOfRange> {
        if charged >= self.amount {
            return Ok(Amount::ZERO);
        }
        self.amount.checked_sub(charged).ok_or(OutOfRange)
    }
}

impl PlanDefinition {
    /// Finds what is wrong with the plan at `path`.
    pub fn check(&self, path: &str, known: &References, problems: &mut Problems) {
        check_key(&self.key, &format!("{path}.key"), problems);
        problems.require(!self.name.trim().is_empty(), format!("{path}.name"), "must not be empty.");
        let trial_fits = self.trial_days.is_none_or(|days| (1..=TRIAL_DAYS_MAX).contains(&days));
        problems.require(
            trial_fits,
            format!("{path}.trialDays"),
            format!("must be 1 to {TRIAL_DAYS_MAX}, or left out."),
        );
        if let Some(commitment) = &self.minimum_commitment {
            let at = format!("{path}.minimumCommitment.amount");
            problems.require(commitment.amount.is_positive(), at, "must be greater than zero.");
        }
        problems.require(!self.prices.is_empty(), format!("{path}.prices"), "must have at least one price.");
        check_prices(&self.prices, &format!("{path}.prices"), known, problems);
        for (index, key) in self.add_ons.iter().enumerate() {
            let detail = format!("names `{key}`, which is not among the add-ons. Add it, or correct the key.");
            problems.require(known.add_ons.contains(key), format!("{path}.addOns[{index}]"), detail);
        }
    }

    /// Whether the key can be the key of a plan: what drafts must get right, whatever else is still open.
    ///
    /// # Errors
    /// [`Code::InvalidCatalog`] naming `key`.
    pub fn require_key(&self) -> Result<(), Refusal> {
        let mut problems = Problems::default();
        check_key(&self.key, "key", &mut problems);
        problems.into_result()
    }

    /// The unit in which a price of the plan is charged.
    pub fn asset_of(&self, price: &Price) -> AssetCode {
        price.asset.clone().unwrap_or(AssetCode::Currency(self.currency))
    }
}

/// A version of a plan. Subscriptions keep theirs until they are changed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanVersion {
    /// From 1, counted per plan.
    pub number: u32,
    pub state: PlanState,
    pub definition: PlanDefinition,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Instant>,
}

impl PlanVersion {
    pub fn draft(number: u32, definition: PlanDefinition) -> PlanVersion {
        PlanVersion { number, state: PlanState::Draft, definition, published_at: None }
    }

    /// Makes the draft immutable.
    ///
    /// # Errors
    /// [`Code::InvalidCatalog`] with every mistake of the definition; [`Code::PlanVersionPublished`] when it was published before.
    pub fn publish(mut self, known: &References, at: Instant) -> Result<PlanVersion, Refusal> {
        self.require_draft()?;
        self.problems(known).into_result()?;
        (self.state, self.published_at) = (PlanState::Published, Some(at));
        Ok(self)
    }

    /// What stands in the way of publishing it.
    pub fn problems(&self, known: &References) -> Problems {
        let mut problems = Problems::default();
        self.definition.check("definition", known, &mut problems);
        problems
    }

    /// Replaces what the draft says.
    ///
    /// # Errors
    /// [`Code::PlanVersionPublished`] when it is no draft any more.
    pub fn redraft(mut self, definition: PlanDefinition) -> Result<PlanVersion, Refusal> {
        self.require_draft()?;
        self.definition = definition;
        Ok(self)
    }

    /// # Errors
    /// [`Code::PlanVersionPublished`] when it is no draft any more.
    pub fn require_draft(&self) -> Result<(), Refusal> {
        match self.state {
            PlanState::Draft => Ok(()),
            PlanState::Published => {
                let detail =
                    format!("Version {} of `{}` is published and never changes.", self.number, self.definition.key);
                Err(Refusal::new(Code::PlanVersionPublished, format!("{detail} Make a new draft version.")))
            }
        }
    }
}

fn exclusive() -> TaxBehaviour {
    TaxBehaviour::Exclusive
}
