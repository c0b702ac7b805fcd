//! JSON that a document carries without looking into it: its bytes are kept as they are.

use serde_json::value::RawValue;

/// A JSON value as it was written.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Content(Box<RawValue>);

impl Content {
    /// Takes JSON text as it is.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(json: String) -> Result<Content, serde_json::Error> {
        RawValue::from_string(json).map(Content)
    }

    /// The JSON of a value.
    ///
    /// # Errors
    /// When the value cannot be written as JSON, such as a map whose keys are no texts.
    pub fn of(value: &impl serde::Serialize) -> Result<Content, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(Content)
    }

    /// The text.
    pub fn get(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Content) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Content {}

impl utoipa::PartialSchema for Content {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::schema::SchemaType::AnyValue).into()
    }
}

impl utoipa::ToSchema for Content {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_kept() {
        let text = r#"{ "b":1.50, "a":"\u00e9" }"#;
        let content = Content::parse(text.to_owned()).unwrap();
        assert_eq!(serde_json::to_string(&content).unwrap(), text);
        assert_eq!(serde_json::from_str::<Content>(text).unwrap(), content);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        assert!(Content::parse("{".to_owned()).is_err());
    }
}
