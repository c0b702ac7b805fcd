//! `/projects/{projectId}/invoices/{invoiceId}/payments|void|write-off`: what settles an issued invoice or takes it back.

use axum::extract::State;
use domain::ids::InvoiceId;
use domain::invoices::credit::CreditWish;
use domain::ledger::reason::Reason;
use domain::ledger::recipes::Overpaid;
use domain::ledger::request;
use domain::refusal::{Code, Refusal};
use engine::Ctx;
use engine::invoices::{InvoiceDetail, NewCreditNote, RecordPayment, VoidInvoice};

use crate::answer::{Reply, answer};
use crate::app::App;
use crate::extract::{IdempotencyHeader, Idempotent, In, Json, PathPart};

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordPaymentRequest {
    #[schema(example = "119.00")]
    amount: String,
    /// RFC 3339: when the money came; now if not given.
    #[schema(value_type = Option<String>, format = DateTime)]
    paid_at: Option<String>,
    /// What the bank statement says.
    #[schema(example = "Transfer 4711")]
    reference: Option<String>,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VoidInvoiceRequest {
    #[schema(example = "billing_error")]
    reason_code: Option<String>,
    reason: Option<String>,
    /// Put its charges on a new draft that replaces it; they stay on no invoice if `false`.
    #[serde(default = "yes")]
    replace: bool,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WriteOffRequest {
    #[schema(example = "other")]
    reason_code: Option<String>,
    reason: Option<String>,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateCreditNoteRequest {
    /// What is taken back, line by line.
    lines: Option<Vec<CreditLineRequest>>,
    /// Or so much, tax included, over all lines.
    #[schema(example = "59.50")]
    amount: Option<String>,
    /// Where what was paid already goes: to the customer's balance if not given.
    overpaid: Option<Overpaid>,
    #[schema(example = "service_issue")]
    reason_code: Option<String>,
    reason: Option<String>,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreditLineRequest {
    /// The number of the line on the invoice.
    line: u32,
    /// Tax included; all that is left of the line if not given.
    #[schema(example = "59.50")]
    amount: Option<String>,
}

/// Record a payment
///
/// Money that came in without a payment provider. What exceeds the invoice becomes the customer's balance, which pays later invoices; on a
/// written-off invoice it recovers what was given up.
#[utoipa::path(post, path = "/projects/{projectId}/invoices/{invoiceId}/payments", tag = "invoices",
    params(IdempotencyHeader), request_body = RecordPaymentRequest,
    responses(
        (status = 201, description = "The invoice as it stands", body = InvoiceDetail),
        (status = 409, description = "`invoice_not_issued` or `invoice_void`",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn record_payment(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<InvoiceId>,
    Idempotent(key): Idempotent,
    Json(body): Json<RecordPaymentRequest>,
) -> Reply {
    let payment = body.read()?;
    app.run(move |engine| engine.record_payment(&ctx, key, id, &payment)).await.map(answer)
}

/// Void an invoice
///
/// Possible while nothing of it was paid, credited or given up. Its entry is mirrored, its number stays used, and its charges go on a new
/// draft.
#[utoipa::path(post, path = "/projects/{projectId}/invoices/{invoiceId}/void", tag = "invoices",
    params(IdempotencyHeader), request_body = VoidInvoiceRequest,
    responses(
        (status = 200, description = "The void invoice", body = InvoiceDetail),
        (status = 409, description = "`invoice_not_issued` or `invoice_paid`",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn void_invoice(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<InvoiceId>,
    Idempotent(key): Idempotent,
    Json(body): Json<VoidInvoiceRequest>,
) -> Reply {
    let reason = Reason::required(body.reason_code.as_deref(), body.reason.as_deref())?;
    let wish = VoidInvoice { reason, replace: body.replace };
    app.run(move |engine| engine.void_invoice(&ctx, key, id, &wish)).await.map(answer)
}

/// Write an invoice off
///
/// Gives up what is open of it. A payment that comes after all recovers it.
#[utoipa::path(post, path = "/projects/{projectId}/invoices/{invoiceId}/write-off", tag = "invoices",
    params(IdempotencyHeader), request_body = WriteOffRequest,
    responses(
        (status = 200, description = "The invoice, uncollectible", body = InvoiceDetail),
        (status = 409, description = "`invoice_not_issued`, `invoice_void` or `invoice_paid`",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn write_off_invoice(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<InvoiceId>,
    Idempotent(key): Idempotent,
    Json(body): Json<WriteOffRequest>,
) -> Reply {
    let reason = Reason::required(body.reason_code.as_deref(), body.reason.as_deref())?;
    app.run(move |engine| engine.write_off_invoice(&ctx, key, id, &reason)).await.map(answer)
}

/// Credit an invoice
///
/// Takes back lines, or an amount over all lines by what is left of each, with the tax that was billed. What is still open shrinks first; the
/// rest goes to the customer's balance or is to be refunded. What a wallet paid of a line goes back to its lots.
#[utoipa::path(post, path = "/projects/{projectId}/invoices/{invoiceId}/credit-notes", tag = "invoices",
    params(IdempotencyHeader), request_body = CreateCreditNoteRequest,
    responses(
        (status = 201, description = "The invoice with its credit notes", body = InvoiceDetail),
        (status = 409, description = "`invoice_not_issued`, `invoice_void` or `credit_note_too_large`",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn credit_invoice(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<InvoiceId>,
    Idempotent(key): Idempotent,
    Json(body): Json<CreateCreditNoteRequest>,
) -> Reply {
    let wanted = body.read()?;
    app.run(move |engine| engine.credit_invoice(&ctx, key, id, &wanted)).await.map(answer)
}

impl CreateCreditNoteRequest {
    fn read(self) -> Result<NewCreditNote, Refusal> {
        let reason = Reason::required(self.reason_code.as_deref(), self.reason.as_deref())?;
        let wish = match (self.lines, self.amount) {
            (Some(lines), None) => {
                let line = |(index, line): (usize, CreditLineRequest)| {
                    let field = format!("lines[{index}].amount");
                    let amount = line.amount.map(|text| request::positive_amount(&field, &text)).transpose()?;
                    Ok((line.line, amount))
                };
                CreditWish::Lines(lines.into_iter().enumerate().map(line).collect::<Result<_, Refusal>>()?)
            }
            (None, Some(amount)) => CreditWish::Amount(request::positive_amount("amount", &amount)?),
            (Some(_), Some(_)) | (None, None) => {
                return Err(Refusal::field(Code::InvalidValue, "lines", "must be given, or `amount`, and not both."));
            }
        };
        Ok(NewCreditNote { wish, overpaid: self.overpaid.unwrap_or(Overpaid::CustomerBalance), reason })
    }
}

impl RecordPaymentRequest {
    fn read(self) -> Result<RecordPayment, Refusal> {
        Ok(RecordPayment {
            amount: request::positive_amount("amount", &self.amount)?,
            paid_at: self.paid_at.map(|text| request::instant("paidAt", &text)).transpose()?,
            reference: self.reference.map(|text| request::description("reference", &text)).transpose()?,
        })
    }
}

fn yes() -> bool {
    true
}
