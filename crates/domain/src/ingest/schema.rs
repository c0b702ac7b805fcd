//! The schema of a metric's properties: JSON Schema (draft 2020-12 unless it names another), compiled once, asked for every event.
//!
//! Patterns run in linear time, so that no schema can make an event expensive; references lead nowhere outside the schema.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use crate::refusal::{Code, Refusal};

/// The longest schema, in bytes of JSON.
pub const SCHEMA_LENGTH_MAX: usize = 32 * 1024;
/// The most characters of what a schema asks for that are told.
const DETAIL_LENGTH_MAX: usize = 300;

/// A schema that can be asked.
#[derive(Debug)]
pub struct PropertySchema {
    validator: Validator,
}

impl PropertySchema {
    /// # Errors
    /// What is wrong with the schema, as it goes on from the name of its field.
    pub fn compile(schema: &Value) -> Result<PropertySchema, String> {
        if schema.to_string().len() > SCHEMA_LENGTH_MAX {
            return Err(format!("must be at most {SCHEMA_LENGTH_MAX} bytes of JSON."));
        }
        let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
        match options.build(schema) {
            Ok(validator) => Ok(PropertySchema { validator }),
            Err(error) => Err(format!("is no JSON Schema: {}.", shortened(&error.to_string()))),
        }
    }

    /// What the properties of an event miss: the refusal in mode `strict`, a warning in mode `warn`. An event without properties has an
    /// empty object.
    ///
    /// # Errors
    /// [`Code::SchemaMismatch`], naming the first property that does not fit.
    pub fn check(&self, properties: Option<&str>) -> Result<(), Refusal> {
        // What was accepted is JSON; what is not is an object without properties.
        let instance: Value =
            serde_json::from_str(properties.unwrap_or("{}")).unwrap_or_else(|_| Value::Object(Default::default()));
        let Some(error) = self.validator.iter_errors(&instance).next() else {
            return Ok(());
        };
        let path = error.instance_path().to_string();
        let field = match path.strip_prefix('/') {
            // A JSON pointer (RFC 6901) spells these two characters its own way.
            Some(name) => format!("properties.{}", name.replace("~1", "/").replace("~0", "~")),
            None => "properties".to_owned(),
        };
        let detail = format!("misses the schema of the metric: {}.", shortened(&error.to_string()));
        Err(Refusal::field(Code::SchemaMismatch, field, detail))
    }
}

fn shortened(text: &str) -> String {
    let shown: String = text.chars().filter(|character| !character.is_control()).take(DETAIL_LENGTH_MAX).collect();
    shown.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> PropertySchema {
        let schema = json!({
            "type": "object",
            "properties": { "region": { "enum": ["eu", "us"] }, "gb/s": { "type": "number", "minimum": 0 } },
            "required": ["region"],
        });
        PropertySchema::compile(&schema).unwrap()
    }

    #[rstest::rstest]
    #[case(Some(r#"{"region":"asia"}"#), "properties.region", "\"asia\" is not one of")]
    #[case(Some(r#"{"region":"eu","gb/s":-1}"#), "properties.gb/s", "-1 is less than the minimum of 0")]
    #[case(Some("{}"), "properties", "\"region\" is a required property")]
    #[case(None, "properties", "\"region\" is a required property")]
    fn a_miss_names_its_property(#[case] properties: Option<&str>, #[case] field: &str, #[case] words: &str) {
        let refusal = schema().check(properties).unwrap_err();
        assert_eq!((refusal.code, refusal.first_field()), (Code::SchemaMismatch, Some(field)));
        assert!(refusal.detail.contains(words), "{refusal}");
    }

    #[test]
    fn what_fits_passes() {
        assert_eq!(schema().check(Some(r#"{"region":"eu","gb/s":1.5,"other":true}"#)), Ok(()));
    }

    #[rstest::rstest]
    #[case(json!({ "type": "text" }))]
    #[case(json!({ "$ref": "https://example.com/schema.json" }))]
    #[case(json!({ "$ref": "file:///etc/passwd" }))]
    #[case(json!({ "properties": { "a": { "pattern": "(a" } } }))]
    #[case(json!({ "properties": { "a": { "pattern": "(?=a)b" } } }))]
    #[case(json!("text"))]
    #[case(json!({ "description": "x".repeat(SCHEMA_LENGTH_MAX) }))]
    fn a_schema_that_cannot_be_asked_is_refused(#[case] schema: Value) {
        assert!(PropertySchema::compile(&schema).is_err());
    }
}
