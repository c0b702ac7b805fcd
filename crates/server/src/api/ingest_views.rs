//! `/projects/{projectId}/ingest`: what became of what machines sent. Outcomes over time, and the stored events.

use axum::extract::State;
use domain::charges::events::Naming;
use domain::ids::EventId;
use domain::ingest::Operation;
use domain::metering::DimensionValues;
use domain::refusal::{Code, Refusal};
use domain::window::Window;
use engine::Ctx;
use engine::ingest::events::UsageEventView;
use engine::ingest::events_of_metric::{EventPlace, EventsFilter};
use engine::ingest::outcomes::{OutcomeQuery, Outcomes};

use crate::app::App;
use crate::extract::{In, Json, PathPart, Query};
use crate::failure::Failure;
use crate::filter;
use crate::page::{Page, PageQuery};

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct OutcomeParams {
    /// RFC 3339; the start of the current month in the project's zone if not given.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// RFC 3339, exclusive; the end of the current month if not given.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<String>,
    /// `hour`, `day`, `week` or `month`; one window from end to end if not given.
    window: Option<String>,
    /// `usage` or `charge`; both together if not given.
    operation: Option<String>,
}

/// Ingest outcomes
///
/// How many requests were accepted, replayed, duplicates, conflicts or failed, by the time of receipt.
#[utoipa::path(get, path = "/projects/{projectId}/ingest/outcomes", tag = "ingest views", params(OutcomeParams),
    responses((status = 200, description = "The counts", body = Outcomes)))]
pub async fn ingest_outcomes(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(params): Query<OutcomeParams>,
) -> Result<Json<Outcomes>, Failure> {
    let counted = [Operation::Usage, Operation::Charge];
    let parse_operation = |text: &str| Operation::parse(text).filter(|operation| counted.contains(operation));
    let query = OutcomeQuery {
        from: filter::instant("from", params.from.as_deref())?,
        to: filter::instant("to", params.to.as_deref())?,
        window: filter::named("window", params.window.as_deref(), Window::ALL, Window::parse)?,
        operation: filter::named("operation", params.operation.as_deref(), &counted, parse_operation)?,
    };
    app.run(move |engine| engine.ingest_outcomes(&ctx, query)).await.map(Json)
}

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct EventParams {
    /// Only events of this metric, the latest first. The other filters go with it.
    metric_key: Option<String>,
    /// Only events of this customer.
    customer_key: Option<String>,
    /// Only events that name this subscription.
    subscription_key: Option<String>,
    /// With a `subscriptionKey`: also events that name no subscription.
    unnamed: Option<bool>,
    /// RFC 3339; only events that happened then or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// RFC 3339, exclusive; only events that happened before.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<String>,
    /// Only events that were counted up to this place in the order of batches: the `cut` of a charge.
    cut: Option<String>,
    /// Only events with these properties: `region:eu,model:large`.
    dimensions: Option<String>,
}

/// List usage events
///
/// Those received last come first. With a `metricKey`, those that happened last, narrowed down by the other filters: the `events` of an
/// estimate's line are such a query.
#[utoipa::path(get, path = "/projects/{projectId}/ingest/events", tag = "ingest views", params(PageQuery, EventParams),
    responses((status = 200, description = "A page of events", body = Page<UsageEventView>)))]
pub async fn list_usage_events(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
    Query(params): Query<EventParams>,
) -> Result<Json<Page<UsageEventView>>, Failure> {
    let fetch = page.fetch()?;
    if let Some(filter) = params.read()? {
        let before: Option<EventPlace> = page.after()?;
        let events = app.run(move |engine| engine.list_usage_events_of_metric(&ctx, &filter, before, fetch)).await?;
        return Ok(Json(Page::new(events, &page, UsageEventView::place)?));
    }
    let before: Option<EventId> = page.after()?;
    let events = app.run(move |engine| engine.list_usage_events(&ctx, before, fetch)).await?;
    Ok(Json(Page::new(events, &page, |event| event.id)?))
}

/// One usage event
///
/// By the id it was given (`evt_…`) or by the `eventId` its sender gave.
#[utoipa::path(get, path = "/projects/{projectId}/ingest/events/{eventId}", tag = "ingest views",
    responses((status = 200, description = "The event", body = UsageEventView)))]
pub async fn get_usage_event(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<String>,
) -> Result<Json<UsageEventView>, Failure> {
    app.run(move |engine| engine.get_usage_event(&ctx, &id)).await.map(Json)
}

impl EventParams {
    /// The filter; `None` when nothing is asked for.
    fn read(self) -> Result<Option<EventsFilter>, Refusal> {
        let Some(metric_key) = self.metric_key else {
            let others = [
                ("customerKey", self.customer_key),
                ("subscriptionKey", self.subscription_key),
                ("unnamed", self.unnamed.map(|unnamed| unnamed.to_string())),
                ("from", self.from),
                ("to", self.to),
                ("cut", self.cut),
                ("dimensions", self.dimensions),
            ];
            let Some((name, _)) = others.into_iter().find(|(_, value)| value.is_some()) else {
                return Ok(None);
            };
            return Err(Refusal::field(Code::InvalidQuery, name, "goes with a `metricKey`."));
        };
        Ok(Some(EventsFilter {
            metric_key,
            customer_key: self.customer_key,
            naming: Naming { subscription_key: self.subscription_key, unnamed: self.unnamed.unwrap_or(false) },
            from: filter::instant("from", self.from.as_deref())?,
            to: filter::instant("to", self.to.as_deref())?,
            cut: filter::integer("cut", self.cut.as_deref())?,
            dimensions: self.dimensions.as_deref().map_or(Ok(DimensionValues::new()), dimensions)?,
        }))
    }
}

/// `region:eu,model:large`.
fn dimensions(text: &str) -> Result<DimensionValues, Refusal> {
    let pairs = text.split(',').map(|pair| {
        let malformed = || Refusal::field(Code::InvalidQuery, "dimensions", "are pairs such as region:eu,model:large.");
        let (name, value) = pair.split_once(':').ok_or_else(malformed)?;
        Ok((name.to_owned(), value.to_owned()))
    });
    pairs.collect()
}
