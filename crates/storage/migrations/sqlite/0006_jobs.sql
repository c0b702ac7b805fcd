-- Jobs: work in chunks, held by one node at a time. The fence grows with each node that takes a job.

create table jobs (
    project_id blob not null,
    id blob not null,
    kind text not null,
    state text not null,
    done integer not null,
    total integer not null,
    subject text not null,
    attempts integer not null,
    error text,
    node text,
    due_at integer not null,
    fence integer not null,
    created_by text not null,
    created_at integer not null,
    started_at integer,
    ended_at integer,
    constraint jobs_pk primary key (project_id, id),
    constraint jobs_project foreign key (project_id) references projects (id)
) strict, without rowid;
create index jobs_open on jobs (project_id, due_at, id, state) where ended_at is null;
