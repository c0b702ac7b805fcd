-- Corrections of usage: what was proposed, what became of it, and which events count no more, or again, from which place in the order of
-- batches on. And when the first event of a batch happened, so that late ones are found without reading events.

alter table ingest_batches add column earliest_at integer;

create table usage_corrections (
    project_id blob not null,
    id blob not null,
    items integer not null,
    reason_code text not null,
    reason text,
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    created_at integer not null,
    constraint usage_corrections_pk primary key (project_id, id),
    constraint usage_corrections_project foreign key (project_id) references projects (id)
) strict, without rowid;

create table usage_correction_items (
    project_id blob not null,
    correction_id blob not null,
    position integer not null,
    event_id blob not null,
    action text not null,
    units_micros integer,
    at integer,
    properties text,
    constraint usage_correction_items_pk primary key (project_id, correction_id, position),
    constraint usage_correction_items_event unique (project_id, correction_id, event_id),
    constraint usage_correction_items_correction foreign key (project_id, correction_id) references usage_corrections (project_id, id)
) strict, without rowid;

-- A correction is applied once and taken back once, each with a batch of its own.
create table usage_correction_steps (
    project_id blob not null,
    correction_id blob not null,
    state text not null,
    batch_id blob not null,
    rollup_seq integer not null,
    reason_code text not null,
    reason text,
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    happened_at integer not null,
    constraint usage_correction_steps_pk primary key (project_id, correction_id, state),
    constraint usage_correction_steps_correction foreign key (project_id, correction_id) references usage_corrections (project_id, id)
) strict, without rowid;

-- The last row of an event says whether it counts.
create table usage_voids (
    project_id blob not null,
    event_id blob not null,
    rollup_seq integer not null,
    correction_id blob not null,
    is_void integer not null,
    replacement_id blob,
    metric_id blob not null,
    customer_id blob not null,
    at integer not null,
    constraint usage_voids_pk primary key (project_id, event_id, rollup_seq),
    constraint usage_voids_correction foreign key (project_id, correction_id) references usage_corrections (project_id, id)
) strict, without rowid;
create index usage_voids_by_metric_at on usage_voids (project_id, metric_id, at);
create index usage_voids_by_seq on usage_voids (project_id, rollup_seq);
create index usage_voids_by_replacement on usage_voids (project_id, replacement_id);

-- All of it is history.
create trigger usage_corrections_no_update before update on usage_corrections begin
    select raise(abort, 'usage_corrections is insert-only');
end;
create trigger usage_corrections_no_delete before delete on usage_corrections begin
    select raise(abort, 'usage_corrections is insert-only');
end;
create trigger usage_correction_items_no_update before update on usage_correction_items begin
    select raise(abort, 'usage_correction_items is insert-only');
end;
create trigger usage_correction_items_no_delete before delete on usage_correction_items begin
    select raise(abort, 'usage_correction_items is insert-only');
end;
create trigger usage_correction_steps_no_update before update on usage_correction_steps begin
    select raise(abort, 'usage_correction_steps is insert-only');
end;
create trigger usage_correction_steps_no_delete before delete on usage_correction_steps begin
    select raise(abort, 'usage_correction_steps is insert-only');
end;
create trigger usage_voids_no_update before update on usage_voids begin
    select raise(abort, 'usage_voids is insert-only');
end;
create trigger usage_voids_no_delete before delete on usage_voids begin
    select raise(abort, 'usage_voids is insert-only');
end;
