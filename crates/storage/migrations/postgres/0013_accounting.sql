-- Accounting periods that close: how far the books of a project are closed, and every close with its reason.

alter table projects add column open_from timestamptz;

create table ledger_closings (
    project_id uuid not null,
    id uuid not null,
    open_from timestamptz not null,
    closed_at timestamptz not null,
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    reason_code text not null,
    reason text,
    constraint ledger_closings_pk primary key (project_id, id),
    constraint ledger_closings_open_from unique (project_id, open_from)
);

grant select, insert on ledger_closings to neruba_server;

alter table ledger_closings enable row level security;
create policy ledger_closings_of_project on ledger_closings to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
