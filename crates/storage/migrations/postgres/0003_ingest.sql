-- Ingest: metrics, the permanent identity of events, events, the batches they were committed in, attempts and rejections,
-- and the rollups that make reads cheap.

create table metrics (
    project_id uuid not null,
    id uuid not null,
    key text not null,
    name text not null,
    aggregation text not null,
    unit_label text,
    declared boolean not null,
    created_at timestamptz not null,
    constraint metrics_pk primary key (project_id, id),
    constraint metrics_key unique (project_id, key),
    constraint metrics_project foreign key (project_id) references projects (id)
);

create table ingest_batches (
    project_id uuid not null,
    id uuid not null,
    operation text not null,
    received_at timestamptz not null,
    events bigint not null,
    first_event_id uuid,
    last_event_id uuid,
    accepted bigint not null,
    replayed bigint not null,
    duplicates bigint not null,
    conflicts bigint not null,
    failed bigint not null,
    rollup_seq bigint,
    constraint ingest_batches_pk primary key (project_id, id),
    constraint ingest_batches_project foreign key (project_id) references projects (id)
);
create unique index ingest_batches_rollup_seq on ingest_batches (project_id, rollup_seq) where rollup_seq is not null;
create index ingest_batches_unfolded on ingest_batches (project_id, id) where rollup_seq is null;

create table usage_keys (
    project_id uuid not null,
    key text not null,
    outcome text not null,
    event_id uuid not null,
    fingerprint bytea not null,
    constraint usage_keys_pk primary key (project_id, key)
);

create table usage_event_ids (
    project_id uuid not null,
    external_id text not null,
    event_id uuid not null,
    constraint usage_event_ids_pk primary key (project_id, external_id)
);

create table usage_events (
    project_id uuid not null,
    id uuid not null,
    batch_id uuid not null,
    metric_id uuid not null,
    metric_key text not null,
    customer_id uuid not null,
    customer_key text not null,
    subscription_key text,
    external_id text,
    idempotency_key text not null,
    units_micros bigint not null,
    at timestamptz not null,
    received_at timestamptz not null,
    late boolean not null,
    source text not null,
    access_key_id uuid,
    request_id text not null,
    properties jsonb,
    payload text not null,
    constraint usage_events_pk primary key (project_id, id)
);
create index usage_events_by_metric_at on usage_events (project_id, metric_id, at);

create table ingest_attempts (
    project_id uuid not null,
    id uuid not null,
    operation text not null,
    idempotency_key text not null,
    outcome text not null,
    event_id uuid,
    received_at timestamptz not null,
    access_key_id uuid,
    request_id text not null,
    constraint ingest_attempts_pk primary key (project_id, id)
);
create index ingest_attempts_by_key on ingest_attempts (project_id, idempotency_key, id);
create index ingest_attempts_by_event on ingest_attempts (project_id, event_id, id);

create table rejections (
    project_id uuid not null,
    id uuid not null,
    operation text not null,
    outcome text not null,
    code text not null,
    field text,
    detail text not null,
    idempotency_key text,
    source text not null,
    payload text not null,
    received_at timestamptz not null,
    access_key_id uuid,
    request_id text not null,
    resolved_at timestamptz,
    resolved_by text,
    resolution text,
    event_id uuid,
    constraint rejections_pk primary key (project_id, id),
    constraint rejections_project foreign key (project_id) references projects (id)
);
create index rejections_by_key on rejections (project_id, idempotency_key, id);

create table rollups (
    project_id uuid not null,
    metric_id uuid not null,
    customer_id uuid not null,
    subscription_key text not null,
    dimensions text not null,
    slice_start timestamptz not null,
    events bigint not null,
    sum_micros numeric(38, 0) not null,
    min_micros bigint not null,
    max_micros bigint not null,
    latest_micros bigint not null,
    latest_at timestamptz not null,
    latest_event_id uuid not null,
    constraint rollups_pk primary key (project_id, metric_id, customer_id, subscription_key, dimensions, slice_start)
);
create index rollups_by_time on rollups (project_id, metric_id, slice_start);

create table outcome_rollups (
    project_id uuid not null,
    operation text not null,
    slice_start timestamptz not null,
    accepted bigint not null,
    replayed bigint not null,
    duplicates bigint not null,
    conflicts bigint not null,
    failed bigint not null,
    constraint outcome_rollups_pk primary key (project_id, operation, slice_start)
);

create table rollup_cursors (
    project_id uuid not null,
    last_seq bigint not null,
    constraint rollup_cursors_pk primary key (project_id),
    constraint rollup_cursors_project foreign key (project_id) references projects (id)
);

-- What the server itself may do. Rows that are history can be added and read, never changed.
grant select, insert, update on metrics to neruba_server;
grant select, insert, update on ingest_batches to neruba_server;
grant select, insert on usage_keys to neruba_server;
grant select, insert on usage_event_ids to neruba_server;
grant select, insert on usage_events to neruba_server;
grant select, insert on ingest_attempts to neruba_server;
grant select, insert, update on rejections to neruba_server;
grant select, insert, update, delete on rollups to neruba_server;
grant select, insert, update, delete on outcome_rollups to neruba_server;
grant select, insert, update on rollup_cursors to neruba_server;

-- A statement that forgets its project finds nothing: the transaction names the project, the database enforces it.
alter table metrics enable row level security;
create policy metrics_of_project on metrics to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table ingest_batches enable row level security;
create policy ingest_batches_of_project on ingest_batches to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table usage_keys enable row level security;
create policy usage_keys_of_project on usage_keys to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table usage_event_ids enable row level security;
create policy usage_event_ids_of_project on usage_event_ids to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table usage_events enable row level security;
create policy usage_events_of_project on usage_events to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table ingest_attempts enable row level security;
create policy ingest_attempts_of_project on ingest_attempts to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table rejections enable row level security;
create policy rejections_of_project on rejections to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table rollups enable row level security;
create policy rollups_of_project on rollups to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table outcome_rollups enable row level security;
create policy outcome_rollups_of_project on outcome_rollups to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table rollup_cursors enable row level security;
create policy rollup_cursors_of_project on rollup_cursors to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
