-- Metering: versions of metrics, and rollups by series, width and dimension values, with what unique and weightedSum keep.

alter table metrics add column version integer not null default 1;
alter table metrics add column archived_at integer;

create table metric_versions (
    project_id blob not null,
    metric_id blob not null,
    number integer not null,
    series integer not null,
    state text not null,
    definition text not null,
    cut_seq integer,
    done_seq integer,
    created_at integer not null,
    activated_at integer,
    retired_at integer,
    constraint metric_versions_pk primary key (project_id, metric_id, number),
    constraint metric_versions_metric foreign key (project_id, metric_id) references metrics (project_id, id)
) strict, without rowid;
-- One version answers, and at most one is being built.
create unique index metric_versions_state on metric_versions (project_id, metric_id, state) where state <> 'retired';

insert into metric_versions (project_id, metric_id, number, series, state, definition, created_at, activated_at)
select project_id, id, 1, 1, 'current',
    json_object('key', key, 'name', name, 'aggregation', aggregation, 'unitLabel', unit_label, 'schemaMode', 'off'),
    created_at, created_at
from metrics;

alter table metrics drop column name;
alter table metrics drop column aggregation;
alter table metrics drop column unit_label;

alter table usage_events add column schema_miss integer not null default 0;
alter table rollup_cursors add column metrics_epoch integer not null default 0;

-- Rollups are what the events add up to: they are emptied here, and the worker folds every batch again, days included.
drop table rollups;
create table rollups (
    project_id blob not null,
    metric_id blob not null,
    series integer not null,
    width text not null,
    customer_id blob not null,
    subscription_key text not null,
    dimensions text not null,
    slice_start integer not null,
    events integer not null,
    warnings integer not null,
    sum_micros blob not null,
    min_micros integer not null,
    max_micros integer not null,
    latest_micros integer not null,
    latest_at integer not null,
    latest_event_id blob not null,
    constraint rollups_pk primary key (project_id, metric_id, series, width, customer_id, subscription_key, dimensions, slice_start)
) strict, without rowid;
create index rollups_by_time on rollups (project_id, metric_id, series, width, slice_start);

create table rollup_values (
    project_id blob not null,
    metric_id blob not null,
    series integer not null,
    width text not null,
    customer_id blob not null,
    subscription_key text not null,
    dimensions text not null,
    slice_start integer not null,
    value text not null,
    events integer not null,
    constraint rollup_values_pk primary key (project_id, metric_id, series, width, customer_id, subscription_key, dimensions, slice_start, value)
) strict, without rowid;
create index rollup_values_by_time on rollup_values (project_id, metric_id, series, width, slice_start);

create table rollup_levels (
    project_id blob not null,
    metric_id blob not null,
    series integer not null,
    customer_id blob not null,
    subscription_key text not null,
    dimensions text not null,
    at integer not null,
    event_id blob not null,
    units_micros integer not null,
    constraint rollup_levels_pk primary key (project_id, metric_id, series, customer_id, subscription_key, dimensions, at)
) strict, without rowid;
create index rollup_levels_by_time on rollup_levels (project_id, metric_id, series, at);

delete from outcome_rollups;
update ingest_batches set rollup_seq = null;
update rollup_cursors set last_seq = 0;
