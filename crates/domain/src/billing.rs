//! Billing: what is to be charged of subscriptions, from what is due to the charges and the drafts that they are put on. Runs, previews
//! and the next invoice of a customer are made by this, so they cannot differ.
//!
//! 1. [`plan`]: the items of a subscription that are due or have changed, and the day on which each falls.
//! 2. [`wanted`]: what an item should come to, by its key: fees and seats from the subscription alone, usage from counters that are
//!    given.
//! 3. [`commitments`]: what is missing to what the plan commits to, once all else is known.
//! 4. [`diff`]: what is still to be charged so that everything charged is what is wanted. Done again, nothing is left to do.
//! 5. [`drafts`]: which invoice a charge is put on. [`run`]: an account of everything that was looked at. [`report`]: what it comes to.
//!
//! Pure: nothing here knows what was stored or what time it is.

pub mod commitments;
pub mod diff;
pub mod difference;
pub mod drafts;
pub mod plan;
pub mod report;
pub mod run;
pub mod wanted;
