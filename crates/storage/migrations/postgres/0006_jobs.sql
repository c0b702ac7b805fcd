-- Jobs: work in chunks, held by one node at a time. The fence grows with each node that takes a job.

create table jobs (
    project_id uuid not null,
    id uuid not null,
    kind text not null,
    state text not null,
    done bigint not null,
    total bigint not null,
    subject jsonb not null,
    attempts bigint not null,
    error text,
    node text,
    due_at timestamptz not null,
    fence bigint not null,
    created_by text not null,
    created_at timestamptz not null,
    started_at timestamptz,
    ended_at timestamptz,
    constraint jobs_pk primary key (project_id, id),
    constraint jobs_project foreign key (project_id) references projects (id)
);
create index jobs_open on jobs (project_id, due_at, id, state) where ended_at is null;

-- A job is changed while it runs, and kept when it has ended.
grant select, insert, update on jobs to neruba_server;

alter table jobs enable row level security;
create policy jobs_of_project on jobs to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
