-- Who may do what: users, sessions, projects, members, access keys, access grants; and what every write leaves behind:
-- audit entries, outbox events, idempotency records.

create table users (
    id blob not null,
    email text not null,
    name text not null,
    password_hash text not null,
    platform_admin integer not null,
    created_at integer not null,
    password_changed_at integer not null,
    disabled_at integer,
    constraint users_pk primary key (id),
    constraint users_email unique (email)
) strict, without rowid;

create table sessions (
    id blob not null,
    user_id blob not null,
    generation integer not null,
    created_at integer not null,
    refreshed_at integer not null,
    expires_at integer not null,
    revoked_at integer,
    revoked_because text,
    constraint sessions_pk primary key (id),
    constraint sessions_user foreign key (user_id) references users (id)
) strict, without rowid;
create index sessions_by_user on sessions (user_id);

create table projects (
    id blob not null,
    name text not null,
    external_key text not null,
    mode text not null,
    currency text not null,
    time_zone text not null,
    unknown_metric text not null,
    unknown_customer text not null,
    require_customer_key integer not null,
    support_limit_micros integer not null,
    event_horizon_days integer,
    fingerprint blob not null,
    created_by blob not null,
    created_at integer not null,
    constraint projects_pk primary key (id),
    constraint projects_external_key unique (created_by, external_key),
    constraint projects_creator foreign key (created_by) references users (id)
) strict, without rowid;

create table members (
    project_id blob not null,
    user_id blob not null,
    role text not null,
    created_at integer not null,
    constraint members_pk primary key (project_id, user_id),
    constraint members_project foreign key (project_id) references projects (id),
    constraint members_user foreign key (user_id) references users (id)
) strict, without rowid;
create index members_by_user on members (user_id, project_id);

create table access_keys (
    project_id blob not null,
    id blob not null,
    name text not null,
    public_id text not null,
    secret_hash blob not null,
    scopes text not null,
    created_by blob not null,
    created_at integer not null,
    expires_at integer,
    last_used_at integer,
    revoked_at integer,
    replaces_id blob,
    constraint access_keys_pk primary key (project_id, id),
    constraint access_keys_public_id unique (public_id),
    constraint access_keys_project foreign key (project_id) references projects (id)
) strict, without rowid;

create table access_grants (
    project_id blob not null,
    id blob not null,
    user_id blob not null,
    reason text not null,
    created_at integer not null,
    expires_at integer not null,
    closed_at integer,
    constraint access_grants_pk primary key (project_id, id),
    constraint access_grants_project foreign key (project_id) references projects (id),
    constraint access_grants_user foreign key (user_id) references users (id)
) strict, without rowid;

create table audit_entries (
    project_id blob not null,
    id blob not null,
    happened_at integer not null,
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    action text not null,
    target text not null,
    reason_code text,
    reason text,
    request_id text not null,
    details text not null,
    constraint audit_entries_pk primary key (project_id, id),
    constraint audit_entries_project foreign key (project_id) references projects (id)
) strict, without rowid;

create table installation_audit_entries (
    id blob not null,
    happened_at integer not null,
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    action text not null,
    target text not null,
    reason_code text,
    reason text,
    request_id text not null,
    details text not null,
    constraint installation_audit_entries_pk primary key (id)
) strict, without rowid;

create table outbox_events (
    project_id blob not null,
    id blob not null,
    kind text not null,
    happened_at integer not null,
    body text not null,
    constraint outbox_events_pk primary key (project_id, id),
    constraint outbox_events_project foreign key (project_id) references projects (id)
) strict, without rowid;

create table idempotency_keys (
    project_id blob not null,
    family text not null,
    key text not null,
    operation text not null,
    fingerprint blob not null,
    status integer,
    reply text,
    created_at integer not null,
    constraint idempotency_keys_pk primary key (project_id, family, key),
    constraint idempotency_keys_project foreign key (project_id) references projects (id)
) strict, without rowid;

-- Rows that are history can be added and read, never changed.
create trigger audit_entries_no_update before update on audit_entries begin
    select raise(abort, 'audit_entries is insert-only');
end;
create trigger audit_entries_no_delete before delete on audit_entries begin
    select raise(abort, 'audit_entries is insert-only');
end;
create trigger installation_audit_entries_no_update before update on installation_audit_entries begin
    select raise(abort, 'installation_audit_entries is insert-only');
end;
create trigger installation_audit_entries_no_delete before delete on installation_audit_entries begin
    select raise(abort, 'installation_audit_entries is insert-only');
end;
create trigger outbox_events_no_update before update on outbox_events begin
    select raise(abort, 'outbox_events is insert-only');
end;
create trigger outbox_events_no_delete before delete on outbox_events begin
    select raise(abort, 'outbox_events is insert-only');
end;
