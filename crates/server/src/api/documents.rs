//! `/projects/{projectId}/invoices/{invoiceId}/pdf|html`, and the same of a credit note.

use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use domain::ids::{CreditNoteId, InvoiceId};
use engine::documents::{DOCUMENT_STYLE_HASH, DocumentForm, Drawing, DrawnDocument};
use engine::{Ctx, Error};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::answer::Reply;
use crate::app::App;
use crate::extract::{In, PathPart};
use crate::failure::Failure;

/// What was issued never changes; it is for whoever asked, and for nobody between.
const FOR_EVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// The bytes of a PDF.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct PdfBytes(#[expect(dead_code, reason = "only its schema is used")] Vec<u8>);

/// An invoice as PDF
///
/// PDF/A, in the language and with the customs of the customer's locale; the same bytes on every request. `If-None-Match` with the `ETag`
/// is answered with 304. A draft is refused: it has no number.
#[utoipa::path(get, path = "/projects/{projectId}/invoices/{invoiceId}/pdf", tag = "invoices",
    responses(
        (status = 200, description = "The pages", body = PdfBytes, content_type = "application/pdf"),
        (status = 304, description = "What the caller has is what it would get"),
        (status = 409, description = "`invoice_not_issued`",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn get_invoice_pdf(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<InvoiceId>,
    headers: HeaderMap,
) -> Reply {
    draw(&app, DocumentForm::Pdf, &headers, move |engine, drawing| engine.draw_invoice(&ctx, id, drawing)).await
}

/// An invoice as HTML
///
/// One page without scripts, for screens and printers; the same bytes on every request. `If-None-Match` with the `ETag` is answered with
/// 304. A draft is refused: it has no number.
#[utoipa::path(get, path = "/projects/{projectId}/invoices/{invoiceId}/html", tag = "invoices",
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 304, description = "What the caller has is what it would get"),
        (status = 409, description = "`invoice_not_issued`",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn get_invoice_html(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<InvoiceId>,
    headers: HeaderMap,
) -> Reply {
    draw(&app, DocumentForm::Html, &headers, move |engine, drawing| engine.draw_invoice(&ctx, id, drawing)).await
}

/// A credit note as PDF
///
/// As an invoice is.
#[utoipa::path(get, path = "/projects/{projectId}/invoices/{invoiceId}/credit-notes/{creditNoteId}/pdf", tag = "invoices",
    responses(
        (status = 200, description = "The pages", body = PdfBytes, content_type = "application/pdf"),
        (status = 304, description = "What the caller has is what it would get"),
    ))]
pub async fn get_credit_note_pdf(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart((invoice, id)): PathPart<(InvoiceId, CreditNoteId)>,
    headers: HeaderMap,
) -> Reply {
    draw(&app, DocumentForm::Pdf, &headers, move |engine, drawing| engine.draw_credit_note(&ctx, invoice, id, drawing))
        .await
}

/// A credit note as HTML
///
/// As an invoice is.
#[utoipa::path(get, path = "/projects/{projectId}/invoices/{invoiceId}/credit-notes/{creditNoteId}/html", tag = "invoices",
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 304, description = "What the caller has is what it would get"),
    ))]
pub async fn get_credit_note_html(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart((invoice, id)): PathPart<(InvoiceId, CreditNoteId)>,
    headers: HeaderMap,
) -> Reply {
    draw(&app, DocumentForm::Html, &headers, move |engine, drawing| engine.draw_credit_note(&ctx, invoice, id, drawing))
        .await
}

async fn draw(
    app: &App,
    form: DocumentForm,
    headers: &HeaderMap,
    work: impl FnOnce(&engine::Engine, &Drawing) -> Result<DrawnDocument, Error> + Send + 'static,
) -> Reply {
    let drawing = Drawing { form, known: known_tags(headers) };
    let drawn = app.run_heavy(move |engine| work(engine, &drawing)).await?;
    reply(form, drawn)
}

/// The tags of `If-None-Match` (RFC 9110, section 13.1.2): compared weakly, so a proxy may have marked them.
fn known_tags(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.map(|tag| tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"').to_owned()).collect()
}

fn reply(form: DocumentForm, drawn: DrawnDocument) -> Reply {
    let (content_type, ending) = match form {
        DocumentForm::Pdf => ("application/pdf", "pdf"),
        DocumentForm::Html => ("text/html; charset=utf-8", "html"),
    };
    let (status, body) = match drawn.bytes {
        Some(bytes) => (StatusCode::OK, Body::from(bytes)),
        None => (StatusCode::NOT_MODIFIED, Body::empty()),
    };
    let mut response = (status, body).into_response();
    let disposition = format!("inline; filename=\"{}.{ending}\"", drawn.file_name);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, FOR_EVER);
    headers.insert(header::ETAG, header_value(&format!("\"{}\"", drawn.tag))?);
    if status == StatusCode::OK {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CONTENT_DISPOSITION, header_value(&disposition)?);
    }
    match form {
        DocumentForm::Html => drop(headers.insert(header::CONTENT_SECURITY_POLICY, policy()?)),
        DocumentForm::Pdf => {}
    }
    Ok(response)
}

/// The page has one style and nothing else; what a stranger could have put into it would not run.
fn policy() -> Result<HeaderValue, Failure> {
    header_value(&format!(
        "default-src 'none'; style-src '{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        *DOCUMENT_STYLE_HASH
    ))
}

fn header_value(text: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(text).map_err(|_| Error::Bug(format!("a header cannot hold {text:?}")).into())
}
