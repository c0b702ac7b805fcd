-- Who may do what: users, sessions, projects, members, access keys, access grants; and what every write leaves behind:
-- audit entries, outbox events, idempotency records.

create table users (
    id uuid not null,
    email text not null,
    name text not null,
    password_hash text not null,
    platform_admin boolean not null,
    created_at timestamptz not null,
    password_changed_at timestamptz not null,
    disabled_at timestamptz,
    constraint users_pk primary key (id),
    constraint users_email unique (email)
);

create table sessions (
    id uuid not null,
    user_id uuid not null,
    generation bigint not null,
    created_at timestamptz not null,
    refreshed_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    revoked_because text,
    constraint sessions_pk primary key (id),
    constraint sessions_user foreign key (user_id) references users (id)
);
create index sessions_by_user on sessions (user_id);

create table projects (
    id uuid not null,
    name text not null,
    external_key text not null,
    mode text not null,
    currency text not null,
    time_zone text not null,
    unknown_metric text not null,
    unknown_customer text not null,
    require_customer_key boolean not null,
    support_limit_micros bigint not null,
    event_horizon_days bigint,
    fingerprint bytea not null,
    created_by uuid not null,
    created_at timestamptz not null,
    constraint projects_pk primary key (id),
    constraint projects_external_key unique (created_by, external_key),
    constraint projects_creator foreign key (created_by) references users (id)
);

create table members (
    project_id uuid not null,
    user_id uuid not null,
    role text not null,
    created_at timestamptz not null,
    constraint members_pk primary key (project_id, user_id),
    constraint members_project foreign key (project_id) references projects (id),
    constraint members_user foreign key (user_id) references users (id)
);
create index members_by_user on members (user_id, project_id);

create table access_keys (
    project_id uuid not null,
    id uuid not null,
    name text not null,
    public_id text not null,
    secret_hash bytea not null,
    scopes text not null,
    created_by uuid not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    replaces_id uuid,
    constraint access_keys_pk primary key (project_id, id),
    constraint access_keys_public_id unique (public_id),
    constraint access_keys_project foreign key (project_id) references projects (id)
);

create table access_grants (
    project_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    reason text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    closed_at timestamptz,
    constraint access_grants_pk primary key (project_id, id),
    constraint access_grants_project foreign key (project_id) references projects (id),
    constraint access_grants_user foreign key (user_id) references users (id)
);

create table audit_entries (
    project_id uuid not null,
    id uuid not null,
    happened_at timestamptz not null,
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    action text not null,
    target text not null,
    reason_code text,
    reason text,
    request_id text not null,
    details jsonb not null,
    constraint audit_entries_pk primary key (project_id, id),
    constraint audit_entries_project foreign key (project_id) references projects (id)
);

create table installation_audit_entries (
    id uuid not null,
    happened_at timestamptz not null,
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    action text not null,
    target text not null,
    reason_code text,
    reason text,
    request_id text not null,
    details jsonb not null,
    constraint installation_audit_entries_pk primary key (id)
);

create table outbox_events (
    project_id uuid not null,
    id uuid not null,
    kind text not null,
    happened_at timestamptz not null,
    body jsonb not null,
    constraint outbox_events_pk primary key (project_id, id),
    constraint outbox_events_project foreign key (project_id) references projects (id)
);

create table idempotency_keys (
    project_id uuid not null,
    family text not null,
    key text not null,
    operation text not null,
    fingerprint bytea not null,
    status bigint,
    reply text,
    created_at timestamptz not null,
    constraint idempotency_keys_pk primary key (project_id, family, key),
    constraint idempotency_keys_project foreign key (project_id) references projects (id)
);

-- What the server itself may do. Rows that are history can be added and read, never changed.
grant usage on schema public to neruba_server;
grant select, insert, update on users to neruba_server;
grant select, insert, update on sessions to neruba_server;
grant select, insert, update on projects to neruba_server;
grant select, insert, update, delete on members to neruba_server;
grant select, insert, update on access_keys to neruba_server;
grant select, insert, update on access_grants to neruba_server;
grant select, insert on audit_entries to neruba_server;
grant select, insert on installation_audit_entries to neruba_server;
grant select, insert on outbox_events to neruba_server;
grant select, insert, update on idempotency_keys to neruba_server;

-- A statement that forgets its project finds nothing: the transaction names the project, the database enforces it.
alter table members enable row level security;
create policy members_of_project on members to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table access_keys enable row level security;
create policy access_keys_of_project on access_keys to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table access_grants enable row level security;
create policy access_grants_of_project on access_grants to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table audit_entries enable row level security;
create policy audit_entries_of_project on audit_entries to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table outbox_events enable row level security;
create policy outbox_events_of_project on outbox_events to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table idempotency_keys enable row level security;
create policy idempotency_keys_of_project on idempotency_keys to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
