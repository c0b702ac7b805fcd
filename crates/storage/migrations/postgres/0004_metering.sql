-- Metering: versions of metrics, and rollups by series, width and dimension values, with what unique and weightedSum keep.

alter table metrics add column version bigint not null default 1;
alter table metrics add column archived_at timestamptz;

create table metric_versions (
    project_id uuid not null,
    metric_id uuid not null,
    number bigint not null,
    series bigint not null,
    state text not null,
    definition text not null,
    cut_seq bigint,
    done_seq bigint,
    created_at timestamptz not null,
    activated_at timestamptz,
    retired_at timestamptz,
    constraint metric_versions_pk primary key (project_id, metric_id, number),
    constraint metric_versions_metric foreign key (project_id, metric_id) references metrics (project_id, id)
);
-- One version answers, and at most one is being built.
create unique index metric_versions_state on metric_versions (project_id, metric_id, state) where state <> 'retired';

insert into metric_versions (project_id, metric_id, number, series, state, definition, created_at, activated_at)
select project_id, id, 1, 1, 'current',
    cast(json_build_object('key', key, 'name', name, 'aggregation', aggregation, 'unitLabel', unit_label, 'schemaMode', 'off') as text),
    created_at, created_at
from metrics;

alter table metrics drop column name;
alter table metrics drop column aggregation;
alter table metrics drop column unit_label;

alter table usage_events add column schema_miss boolean not null default false;
alter table rollup_cursors add column metrics_epoch bigint not null default 0;

-- Rollups are what the events add up to: they are emptied here, and the worker folds every batch again, days included.
drop table rollups;
create table rollups (
    project_id uuid not null,
    metric_id uuid not null,
    series bigint not null,
    width text not null,
    customer_id uuid not null,
    subscription_key text not null,
    dimensions text not null,
    slice_start timestamptz not null,
    events bigint not null,
    warnings bigint not null,
    sum_micros numeric(38, 0) not null,
    min_micros bigint not null,
    max_micros bigint not null,
    latest_micros bigint not null,
    latest_at timestamptz not null,
    latest_event_id uuid not null,
    constraint rollups_pk primary key (project_id, metric_id, series, width, customer_id, subscription_key, dimensions, slice_start)
);
create index rollups_by_time on rollups (project_id, metric_id, series, width, slice_start);

create table rollup_values (
    project_id uuid not null,
    metric_id uuid not null,
    series bigint not null,
    width text not null,
    customer_id uuid not null,
    subscription_key text not null,
    dimensions text not null,
    slice_start timestamptz not null,
    value text not null,
    events bigint not null,
    constraint rollup_values_pk primary key (project_id, metric_id, series, width, customer_id, subscription_key, dimensions, slice_start, value)
);
create index rollup_values_by_time on rollup_values (project_id, metric_id, series, width, slice_start);

create table rollup_levels (
    project_id uuid not null,
    metric_id uuid not null,
    series bigint not null,
    customer_id uuid not null,
    subscription_key text not null,
    dimensions text not null,
    at timestamptz not null,
    event_id uuid not null,
    units_micros bigint not null,
    constraint rollup_levels_pk primary key (project_id, metric_id, series, customer_id, subscription_key, dimensions, at)
);
create index rollup_levels_by_time on rollup_levels (project_id, metric_id, series, at);

delete from outcome_rollups;
update ingest_batches set rollup_seq = null;
update rollup_cursors set last_seq = 0;

grant select, insert, update on metric_versions to neruba_server;
grant select, insert, update, delete on rollups to neruba_server;
grant select, insert, update, delete on rollup_values to neruba_server;
grant select, insert, update, delete on rollup_levels to neruba_server;

alter table metric_versions enable row level security;
create policy metric_versions_of_project on metric_versions to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table rollups enable row level security;
create policy rollups_of_project on rollups to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table rollup_values enable row level security;
create policy rollup_values_of_project on rollup_values to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table rollup_levels enable row level security;
create policy rollup_levels_of_project on rollup_levels to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
