//! Usage events: added once, read for ever. The time-ordered id makes the table grow at its end.

use domain::charges::events::Naming;
use domain::ids::{AccessKeyId, BatchId, CustomerId, EventId, MetricId, ProjectId};
use domain::ingest::rollup::Measurement;
use domain::ingest::{Door, UsageEvent};
use domain::quantity::Quantity;
use domain::time::Instant;
use domain::window::Span;
use uuid::Uuid;

use crate::error::StorageError;
use crate::rollups::Customers;
use crate::sql::value::JsonText;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::{InstallationTx, ProjectTx};

/// An event that was accepted now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent<'a> {
    pub project: ProjectId,
    pub id: EventId,
    pub batch: BatchId,
    pub metric: MetricId,
    pub metric_key: &'a str,
    pub customer: CustomerId,
    pub customer_key: &'a str,
    pub subscription_key: Option<&'a str>,
    pub external_id: Option<&'a str>,
    pub idempotency_key: &'a str,
    pub units: Quantity,
    pub at: Instant,
    pub received_at: Instant,
    pub late: bool,
    pub door: Door,
    pub access_key: Option<AccessKeyId>,
    pub request_id: &'a str,
    pub properties: Option<&'a str>,
    pub payload: &'a str,
    /// Its properties miss the schema of its metric, which only warns of that.
    pub schema_miss: bool,
}

/// A stored event as far as sums care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasuredEvent {
    pub batch: BatchId,
    pub metric: MetricId,
    pub customer: CustomerId,
    pub subscription_key: Option<String>,
    pub measurement: Measurement,
    pub schema_miss: bool,
    /// As the database spells them, when they were asked for.
    pub properties: Option<String>,
}

/// Whether the properties of events are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Properties {
    Read,
    Skip,
}

pub fn insert_many(tx: &mut InstallationTx<'_>, events: &[NewEvent<'_>]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 20]> = events.iter().map(values).collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_usage_events
            insert into usage_events (project_id, id, batch_id, metric_id, metric_key, customer_id, customer_key,
                subscription_key, external_id, idempotency_key, units_micros, at, received_at, late, source,
                access_key_id, request_id, properties, payload, schema_miss)
            {values}",
            [
                project_id: Uuid,
                id: Uuid,
                batch_id: Uuid,
                metric_id: Uuid,
                metric_key: Text,
                customer_id: Uuid,
                customer_key: Text,
                subscription_key: Text,
                external_id: Text,
                idempotency_key: Text,
                units_micros: Int,
                at: Instant,
                received_at: Instant,
                late: Bool,
                source: Text,
                access_key_id: Uuid,
                request_id: Text,
                properties: Json,
                payload: Text,
                schema_miss: Bool,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

fn values<'a>(event: &NewEvent<'a>) -> [Value<'a>; 20] {
    params![
        event.project,
        event.id,
        event.batch,
        event.metric,
        event.metric_key,
        event.customer,
        event.customer_key,
        event.subscription_key,
        event.external_id,
        event.idempotency_key,
        event.units,
        event.at,
        event.received_at,
        event.late,
        event.door.as_str(),
        event.access_key,
        event.request_id,
        event.properties.map_or(Value::Null, |json| Value::Json(json.into())),
        event.payload,
        event.schema_miss,
    ]
}

pub fn get(tx: &mut ProjectTx<'_>, id: EventId) -> Result<Option<UsageEvent>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_usage_event
            select id, batch_id, metric_id, metric_key, customer_id, customer_key, subscription_key, external_id,
                idempotency_key, units_micros, at, received_at, late, source, access_key_id, request_id, properties,
                payload
            from usage_events
            where project_id = ?1 and id = ?2"
        ),
        &params![id],
        read,
    )
}

/// Those of these events that exist, in no order, each with the place of its batch if that is folded; name each once.
pub fn find_many(tx: &mut ProjectTx<'_>, ids: &[EventId]) -> Result<Vec<(UsageEvent, Option<i64>)>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = ids.iter().map(|id| params![*id]).collect();
    tx.query_many(
        bulk_sql!(
            "-- find_usage_events
            select e.id, e.batch_id, e.metric_id, e.metric_key, e.customer_id, e.customer_key, e.subscription_key, e.external_id,
                e.idempotency_key, e.units_micros, e.at, e.received_at, e.late, e.source, e.access_key_id, e.request_id,
                e.properties, e.payload, b.rollup_seq
            from {rows}
            join usage_events e on e.project_id = r.project_id and e.id = r.id
            join ingest_batches b on b.project_id = e.project_id and b.id = e.batch_id",
            [project_id: Uuid, id: Uuid]
        ),
        &rows,
        |row| Ok((read(row)?, row.get(18)?)),
    )
}

/// The newest first, before the given one.
pub fn page(tx: &mut ProjectTx<'_>, before: Option<EventId>, limit: i64) -> Result<Vec<UsageEvent>, StorageError> {
    tx.query(
        sql!(
            "-- page_usage_events
            select id, batch_id, metric_id, metric_key, customer_id, customer_key, subscription_key, external_id,
                idempotency_key, units_micros, at, received_at, late, source, access_key_id, request_id, properties,
                payload
            from usage_events
            where project_id = ?1
              and (cast(?2 as {uuid}) is null or id < ?2)
            order by id desc
            limit ?3"
        ),
        &params![before, limit],
        read,
    )
}

/// When the oldest event of a metric happened, of those from an instant on.
pub fn oldest_at(
    tx: &mut ProjectTx<'_>,
    metric: MetricId,
    from: Option<Instant>,
) -> Result<Option<Instant>, StorageError> {
    tx.query_opt(
        sql!(
            "-- oldest_usage_event_of_metric
            select at
            from usage_events
            where project_id = ?1 and metric_id = ?2 and (cast(?3 as {instant}) is null or at >= ?3)
            order by at
            limit 1"
        ),
        &params![metric, from],
        |row| row.get(0),
    )
}

/// Bounds beyond which no event lies, and with which both databases can compare: the years −27 and 9999.
const EARLIEST_MICROS: i64 = -63_000_000_000_000_000;
const LATEST_MICROS: i64 = 253_402_207_200_000_000;

/// Which events of a metric a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventsOfMetric<'a> {
    pub metric: MetricId,
    /// From the beginning if absent.
    pub from: Option<Instant>,
    pub customer: Option<CustomerId>,
    pub naming: &'a Naming,
    /// Only events of batches that are folded and have this place or one before it, and that counted then.
    pub cut: Option<i64>,
}

/// The latest first, of one time those with the greater ids, before the given place; `limit` of them at most.
pub fn page_of_metric(
    tx: &mut ProjectTx<'_>,
    filter: &EventsOfMetric<'_>,
    before: Option<(Instant, EventId)>,
    limit: usize,
) -> Result<Vec<UsageEvent>, StorageError> {
    let from = filter.from.unwrap_or(bound(EARLIEST_MICROS));
    let (at, id) = before.unwrap_or((bound(LATEST_MICROS), EventId::from_uuid(Uuid::nil())));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.query(
        sql!(
            "-- page_usage_events_of_metric
            select id, batch_id, metric_id, metric_key, customer_id, customer_key, subscription_key, external_id,
                idempotency_key, units_micros, at, received_at, late, source, access_key_id, request_id, properties,
                payload
            from usage_events
            where project_id = ?1 and metric_id = ?2 and at >= ?3 and at <= ?4
              and (at < ?4 or id < ?5)
              and (cast(?6 as {uuid}) is null or customer_id = ?6)
              and (cast(?7 as text) is null or subscription_key = ?7 or (subscription_key is null and cast(?10 as {bool})))
              and (cast(?9 as {int}) is null or exists (
                  select 1
                  from ingest_batches b
                  where b.project_id = usage_events.project_id and b.id = usage_events.batch_id and b.rollup_seq <= ?9
              ))
              and (cast(?9 as {int}) is null or not exists (
                  select 1
                  from usage_voids v
                  where v.project_id = usage_events.project_id and v.event_id = usage_events.id and v.is_void
                    and v.rollup_seq = (
                        select max(l.rollup_seq)
                        from usage_voids l
                        where l.project_id = v.project_id and l.event_id = v.event_id and l.rollup_seq <= ?9
                    )
              ))
            order by at desc, id desc
            limit ?8"
        ),
        &params![
            filter.metric,
            from,
            at,
            id,
            filter.customer,
            filter.naming.subscription_key.as_deref(),
            limit,
            filter.cut,
            filter.naming.unnamed
        ],
        read,
    )
}

/// Hands every event of the metric in the span to `each`, through the index over metric and time: it tells whose each is, so that only
/// those of the customers are read.
pub fn measurements(
    tx: &mut ProjectTx<'_>,
    metric: MetricId,
    customers: Customers,
    span: Span,
    properties: Properties,
    mut each: impl FnMut(MeasuredEvent),
) -> Result<(), StorageError> {
    let (first, last) = customers.bounds();
    tx.query(
        sql!(
            "-- measurements_of_span
            select e.metric_id, e.customer_id, e.id, e.at, e.units_micros, e.subscription_key, e.schema_miss,
                case when cast(?7 as {bool}) then e.properties end, e.batch_id
            from usage_events i
            join usage_events e on e.project_id = i.project_id and e.id = i.id
            where i.project_id = ?1 and i.metric_id = ?2 and i.at >= ?3 and i.at < ?4
              and i.customer_id >= ?5 and i.customer_id <= ?6"
        ),
        &params![metric, span.start, span.end, first, last, properties == Properties::Read],
        |row| read_measured(row).map(&mut each),
    )?;
    Ok(())
}

/// Hands every event of the metric in the span whose batch is folded, up to the place `cut`, to `each`, with that place; whether it
/// counts or is void.
pub fn measurements_at(
    tx: &mut ProjectTx<'_>,
    metric: MetricId,
    customers: Customers,
    span: Span,
    cut: i64,
    mut each: impl FnMut(i64, MeasuredEvent),
) -> Result<(), StorageError> {
    let (first, last) = customers.bounds();
    tx.query(
        sql!(
            "-- measurements_at_cut
            select e.metric_id, e.customer_id, e.id, e.at, e.units_micros, e.subscription_key, e.schema_miss, e.properties, e.batch_id,
                b.rollup_seq
            from usage_events i
            join usage_events e on e.project_id = i.project_id and e.id = i.id
            join ingest_batches b on b.project_id = e.project_id and b.id = e.batch_id
            where i.project_id = ?1 and i.metric_id = ?2 and i.at >= ?3 and i.at < ?4
              and i.customer_id >= ?5 and i.customer_id <= ?6
              and b.rollup_seq <= ?7"
        ),
        &params![metric, span.start, span.end, first, last, cut],
        |row| {
            each(row.get(9)?, read_measured(row)?);
            Ok(())
        },
    )?;
    Ok(())
}

/// Hands every event with an id from `first` to `last` to `each`. Nothing but the ids is asked of the database, so that
/// it can only read this stretch of the table.
pub fn measurements_of_ids(
    tx: &mut ProjectTx<'_>,
    first: EventId,
    last: EventId,
    properties: Properties,
    mut each: impl FnMut(MeasuredEvent),
) -> Result<(), StorageError> {
    tx.query(
        sql!(
            "-- measurements_of_ids
            select metric_id, customer_id, id, at, units_micros, subscription_key, schema_miss,
                case when cast(?4 as {bool}) then properties end, batch_id
            from usage_events
            where project_id = ?1 and id >= ?2 and id <= ?3"
        ),
        &params![first, last, properties == Properties::Read],
        |row| read_measured(row).map(&mut each),
    )?;
    Ok(())
}

/// Columns in the order of [`measurements`].
pub(crate) fn read_measured(row: &Row<'_>) -> Result<MeasuredEvent, StorageError> {
    let properties: Option<JsonText> = row.get(7)?;
    Ok(MeasuredEvent {
        metric: row.get(0)?,
        customer: row.get(1)?,
        measurement: Measurement { event: row.get(2)?, at: row.get(3)?, units: row.get(4)? },
        subscription_key: row.get(5)?,
        schema_miss: row.get(6)?,
        properties: properties.map(|JsonText(text)| text),
        batch: row.get(8)?,
    })
}

fn read(row: &Row<'_>) -> Result<UsageEvent, StorageError> {
    let properties: Option<JsonText> = row.get(16)?;
    // PostgreSQL keeps JSON in a form of its own; both databases give back the canonical one.
    let canonical = |JsonText(text): JsonText| {
        domain::ingest::properties::canonical(&text).map_err(|_| StorageError::corrupt("the properties of an event"))
    };
    Ok(UsageEvent {
        id: row.get(0)?,
        batch: row.get(1)?,
        metric: row.get(2)?,
        metric_key: row.get(3)?,
        customer: row.get(4)?,
        customer_key: row.get(5)?,
        subscription_key: row.get(6)?,
        external_id: row.get(7)?,
        idempotency_key: row.get(8)?,
        units: row.get(9)?,
        at: row.get(10)?,
        received_at: row.get(11)?,
        late: row.get(12)?,
        door: row.named(13, Door::parse)?,
        access_key: row.get(14)?,
        request_id: row.get(15)?,
        properties: properties.map(canonical).transpose()?,
        payload: row.get(17)?,
    })
}

fn bound(micros: i64) -> Instant {
    // Cannot fail: both bounds are years that an instant can have.
    Instant::from_micros(micros).expect("a bound is an instant")
}
