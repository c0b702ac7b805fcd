//! All mistakes of a document at once: where each stands, and what to do about it.

use crate::refusal::{Code, FieldError, Refusal};

/// Collects mistakes by the path of their field, as in `plans[0].prices[2].model.tiers[1].upTo`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    errors: Vec<FieldError>,
}

impl Problems {
    /// One more mistake: `detail` says what to do and goes on from the name of the field.
    pub fn add(&mut self, path: impl Into<String>, detail: impl Into<String>) {
        self.errors.push(FieldError::new(path, Code::InvalidValue, detail));
    }

    /// Adds the mistake unless `holds`.
    pub fn require(&mut self, holds: bool, path: impl Into<String>, detail: impl Into<String>) {
        if !holds {
            self.add(path, detail);
        }
    }

    /// The same for a document that is the whole body: `.key`, which stands at no path, is `key`.
    pub fn of_body(mut self) -> Problems {
        for error in &mut self.errors {
            if let Some(field) = error.field.strip_prefix('.') {
                error.field = field.to_owned();
            }
        }
        self
    }

    /// What stands at or below the path `from` is said to stand at `to`.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        for error in &mut self.errors {
            let Some(below) = error.field.strip_prefix(from) else { continue };
            if below.is_empty() || below.starts_with('.') {
                error.field = format!("{to}{below}");
            }
        }
    }

    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// # Errors
    /// [`Code::InvalidCatalog`] with every mistake, when there is any.
    pub fn into_result(self) -> Result<(), Refusal> {
        let Some(first) = self.errors.first() else {
            return Ok(());
        };
        let others = match self.errors.len() {
            1 => String::new(),
            count => format!(" There are {} more, see `errors`.", count - 1),
        };
        let detail = format!("{} {}{others}", first.field, first.detail);
        Err(Refusal { errors: self.errors, ..Refusal::new(Code::InvalidCatalog, detail) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_named_at_once() {
        let mut problems = Problems::default();
        assert_eq!(problems.clone().into_result(), Ok(()));
        problems.add("plans[0].key", "must not be empty.");
        problems.require(true, "plans[0].name", "is fine");
        problems.require(false, "plans[1].key", "is taken by plans[0]; choose another.");
        let refusal = problems.into_result().unwrap_err();
        assert_eq!((refusal.code, refusal.errors.len()), (Code::InvalidCatalog, 2));
        assert_eq!(refusal.detail, "plans[0].key must not be empty. There are 1 more, see `errors`.");
    }
}
