-- Accounting periods that close: how far the books of a project are closed, and every close with its reason.

alter table projects add column open_from integer;

create table ledger_closings (
    project_id blob not null,
    id blob not null,
    open_from integer not null,
    closed_at integer not null,
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    reason_code text not null,
    reason text,
    constraint ledger_closings_pk primary key (project_id, id),
    constraint ledger_closings_open_from unique (project_id, open_from)
) strict, without rowid;

create trigger ledger_closings_no_update before update on ledger_closings begin
    select raise(abort, 'ledger_closings is insert-only');
end;
create trigger ledger_closings_no_delete before delete on ledger_closings begin
    select raise(abort, 'ledger_closings is insert-only');
end;
