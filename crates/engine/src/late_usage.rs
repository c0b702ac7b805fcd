//! The late desk: usage that arrives, or is corrected, after its invoice was issued. [`find`] looks for it after each fold.

mod find;
mod view;

pub use view::{LateUsageDetail, LateUsageQuery, LateUsageView};
