-- Ingest: metrics, the permanent identity of events, events, the batches they were committed in, attempts and rejections,
-- and the rollups that make reads cheap.

create table metrics (
    project_id blob not null,
    id blob not null,
    key text not null,
    name text not null,
    aggregation text not null,
    unit_label text,
    declared integer not null,
    created_at integer not null,
    constraint metrics_pk primary key (project_id, id),
    constraint metrics_key unique (project_id, key),
    constraint metrics_project foreign key (project_id) references projects (id)
) strict, without rowid;

create table ingest_batches (
    project_id blob not null,
    id blob not null,
    operation text not null,
    received_at integer not null,
    events integer not null,
    first_event_id blob,
    last_event_id blob,
    accepted integer not null,
    replayed integer not null,
    duplicates integer not null,
    conflicts integer not null,
    failed integer not null,
    rollup_seq integer,
    constraint ingest_batches_pk primary key (project_id, id),
    constraint ingest_batches_project foreign key (project_id) references projects (id)
) strict, without rowid;
create unique index ingest_batches_rollup_seq on ingest_batches (project_id, rollup_seq) where rollup_seq is not null;
create index ingest_batches_unfolded on ingest_batches (project_id, id) where rollup_seq is null;

create table usage_keys (
    project_id blob not null,
    key text not null,
    outcome text not null,
    event_id blob not null,
    fingerprint blob not null,
    constraint usage_keys_pk primary key (project_id, key)
) strict, without rowid;

create table usage_event_ids (
    project_id blob not null,
    external_id text not null,
    event_id blob not null,
    constraint usage_event_ids_pk primary key (project_id, external_id)
) strict, without rowid;

create table usage_events (
    project_id blob not null,
    id blob not null,
    batch_id blob not null,
    metric_id blob not null,
    metric_key text not null,
    customer_id blob not null,
    customer_key text not null,
    subscription_key text,
    external_id text,
    idempotency_key text not null,
    units_micros integer not null,
    at integer not null,
    received_at integer not null,
    late integer not null,
    source text not null,
    access_key_id blob,
    request_id text not null,
    properties text,
    payload text not null,
    constraint usage_events_pk primary key (project_id, id)
) strict, without rowid;
create index usage_events_by_metric_at on usage_events (project_id, metric_id, at);

create table ingest_attempts (
    project_id blob not null,
    id blob not null,
    operation text not null,
    idempotency_key text not null,
    outcome text not null,
    event_id blob,
    received_at integer not null,
    access_key_id blob,
    request_id text not null,
    constraint ingest_attempts_pk primary key (project_id, id)
) strict, without rowid;
create index ingest_attempts_by_key on ingest_attempts (project_id, idempotency_key, id);
create index ingest_attempts_by_event on ingest_attempts (project_id, event_id, id);

create table rejections (
    project_id blob not null,
    id blob not null,
    operation text not null,
    outcome text not null,
    code text not null,
    field text,
    detail text not null,
    idempotency_key text,
    source text not null,
    payload text not null,
    received_at integer not null,
    access_key_id blob,
    request_id text not null,
    resolved_at integer,
    resolved_by text,
    resolution text,
    event_id blob,
    constraint rejections_pk primary key (project_id, id),
    constraint rejections_project foreign key (project_id) references projects (id)
) strict, without rowid;
create index rejections_by_key on rejections (project_id, idempotency_key, id);

create table rollups (
    project_id blob not null,
    metric_id blob not null,
    customer_id blob not null,
    subscription_key text not null,
    dimensions text not null,
    slice_start integer not null,
    events integer not null,
    sum_micros blob not null,
    min_micros integer not null,
    max_micros integer not null,
    latest_micros integer not null,
    latest_at integer not null,
    latest_event_id blob not null,
    constraint rollups_pk primary key (project_id, metric_id, customer_id, subscription_key, dimensions, slice_start)
) strict, without rowid;
create index rollups_by_time on rollups (project_id, metric_id, slice_start);

create table outcome_rollups (
    project_id blob not null,
    operation text not null,
    slice_start integer not null,
    accepted integer not null,
    replayed integer not null,
    duplicates integer not null,
    conflicts integer not null,
    failed integer not null,
    constraint outcome_rollups_pk primary key (project_id, operation, slice_start)
) strict, without rowid;

create table rollup_cursors (
    project_id blob not null,
    last_seq integer not null,
    constraint rollup_cursors_pk primary key (project_id),
    constraint rollup_cursors_project foreign key (project_id) references projects (id)
) strict, without rowid;

-- Rows that are history can be added and read, never changed.
create trigger usage_keys_no_update before update on usage_keys begin
    select raise(abort, 'usage_keys is insert-only');
end;
create trigger usage_keys_no_delete before delete on usage_keys begin
    select raise(abort, 'usage_keys is insert-only');
end;
create trigger usage_event_ids_no_update before update on usage_event_ids begin
    select raise(abort, 'usage_event_ids is insert-only');
end;
create trigger usage_event_ids_no_delete before delete on usage_event_ids begin
    select raise(abort, 'usage_event_ids is insert-only');
end;
create trigger usage_events_no_update before update on usage_events begin
    select raise(abort, 'usage_events is insert-only');
end;
create trigger usage_events_no_delete before delete on usage_events begin
    select raise(abort, 'usage_events is insert-only');
end;
create trigger ingest_attempts_no_update before update on ingest_attempts begin
    select raise(abort, 'ingest_attempts is insert-only');
end;
create trigger ingest_attempts_no_delete before delete on ingest_attempts begin
    select raise(abort, 'ingest_attempts is insert-only');
end;
