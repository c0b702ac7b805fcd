-- Corrections of usage: what was proposed, what became of it, and which events count no more, or again, from which place in the order of
-- batches on. And when the first event of a batch happened, so that late ones are found without reading events.

alter table ingest_batches add column earliest_at timestamptz;

create table usage_corrections (
    project_id uuid not null,
    id uuid not null,
    items bigint not null,
    reason_code text not null,
    reason text,
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    created_at timestamptz not null,
    constraint usage_corrections_pk primary key (project_id, id),
    constraint usage_corrections_project foreign key (project_id) references projects (id)
);

create table usage_correction_items (
    project_id uuid not null,
    correction_id uuid not null,
    position bigint not null,
    event_id uuid not null,
    action text not null,
    units_micros bigint,
    at timestamptz,
    properties text,
    constraint usage_correction_items_pk primary key (project_id, correction_id, position),
    constraint usage_correction_items_event unique (project_id, correction_id, event_id),
    constraint usage_correction_items_correction foreign key (project_id, correction_id) references usage_corrections (project_id, id)
);

-- A correction is applied once and taken back once, each with a batch of its own.
create table usage_correction_steps (
    project_id uuid not null,
    correction_id uuid not null,
    state text not null,
    batch_id uuid not null,
    rollup_seq bigint not null,
    reason_code text not null,
    reason text,
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    happened_at timestamptz not null,
    constraint usage_correction_steps_pk primary key (project_id, correction_id, state),
    constraint usage_correction_steps_correction foreign key (project_id, correction_id) references usage_corrections (project_id, id)
);

-- The last row of an event says whether it counts.
create table usage_voids (
    project_id uuid not null,
    event_id uuid not null,
    rollup_seq bigint not null,
    correction_id uuid not null,
    is_void boolean not null,
    replacement_id uuid,
    metric_id uuid not null,
    customer_id uuid not null,
    at timestamptz not null,
    constraint usage_voids_pk primary key (project_id, event_id, rollup_seq),
    constraint usage_voids_correction foreign key (project_id, correction_id) references usage_corrections (project_id, id)
);
create index usage_voids_by_metric_at on usage_voids (project_id, metric_id, at);
create index usage_voids_by_seq on usage_voids (project_id, rollup_seq);
create index usage_voids_by_replacement on usage_voids (project_id, replacement_id);

-- What the server itself may do. All of it is history.
grant select, insert on usage_corrections to neruba_server;
grant select, insert on usage_correction_items to neruba_server;
grant select, insert on usage_correction_steps to neruba_server;
grant select, insert on usage_voids to neruba_server;

-- A statement that forgets its project finds nothing: the transaction names the project, the database enforces it.
alter table usage_corrections enable row level security;
create policy usage_corrections_of_project on usage_corrections to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table usage_correction_items enable row level security;
create policy usage_correction_items_of_project on usage_correction_items to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table usage_correction_steps enable row level security;
create policy usage_correction_steps_of_project on usage_correction_steps to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table usage_voids enable row level security;
create policy usage_voids_of_project on usage_voids to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
