//! A catalog as the body of a request: JSON, or YAML with a line for every mistake.

use axum::extract::{FromRequest, Request};
use domain::catalog::Catalog;
use domain::refusal::{Code, Refusal};
use engine::Error;
use http::header;

use crate::app::App;
use crate::extract::{RawBody, parse_json};
use crate::failure::Failure;
use crate::yaml::{self, Document};

/// The longest catalog.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What the caller wants the catalog to be.
pub struct CatalogBody {
    pub catalog: Catalog,
    /// Where things stand, when they came as YAML.
    pub document: Option<Document>,
}

impl FromRequest<App> for CatalogBody {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<CatalogBody, Failure> {
        let is_yaml = match request.headers().get(header::CONTENT_TYPE).map(|value| essence(value.as_bytes())) {
            None => false,
            Some(kind) => match kind.as_str() {
                "application/json" => false,
                "application/yaml" | "application/x-yaml" | "text/yaml" => true,
                _ => {
                    let detail = "This path reads application/json and application/yaml.";
                    return Err(Refusal::new(Code::UnsupportedMediaType, detail).into());
                }
            },
        };
        let RawBody(body) = RawBody::from_request(request, app).await?;
        let bytes = body.map_err(Refusal::from)?;
        if is_yaml {
            let (catalog, document) = yaml::read(&bytes)?;
            return Ok(CatalogBody { catalog, document: Some(document) });
        }
        Ok(CatalogBody { catalog: parse_json(&bytes)?, document: None })
    }
}

/// Adds to every mistake the line on which it stands.
pub fn with_lines(error: Error, document: Option<&Document>) -> Error {
    match (error, document) {
        (Error::Refused(mut refusal), Some(document)) => {
            for mistake in &mut refusal.errors {
                mistake.line = mistake.line.or_else(|| document.line_of(&mistake.field));
            }
            Error::Refused(refusal)
        }
        (error, _) => error,
    }
}

/// `text/yaml; charset=utf-8` is `text/yaml`.
fn essence(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
