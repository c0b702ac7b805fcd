-- Subscriptions: what a customer has is the fold of changes that are only ever added, less those that were withdrawn while they lay ahead.

create table subscriptions (
    project_id uuid not null,
    id uuid not null,
    external_key text not null,
    customer_id uuid not null,
    created_at timestamptz not null,
    constraint subscriptions_pk primary key (project_id, id),
    constraint subscriptions_external_key unique (project_id, external_key),
    constraint subscriptions_customer foreign key (project_id, customer_id) references customers (project_id, id)
);
create index subscriptions_by_customer on subscriptions (project_id, customer_id, id);

-- The sequence is the order of submission within the subscription; withdrawals count in it too.
create table subscription_changes (
    project_id uuid not null,
    id uuid not null,
    subscription_id uuid not null,
    sequence bigint not null,
    kind text not null,
    effective_at timestamptz not null,
    submitted_at timestamptz not null,
    idempotency_key text not null,
    fingerprint bytea not null,
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    reason_code text,
    reason text,
    content jsonb not null,
    constraint subscription_changes_pk primary key (project_id, subscription_id, sequence),
    constraint subscription_changes_id unique (project_id, id),
    constraint subscription_changes_idempotency_key unique (project_id, subscription_id, idempotency_key),
    constraint subscription_changes_subscription foreign key (project_id, subscription_id) references subscriptions (project_id, id)
);

create table subscription_withdrawals (
    project_id uuid not null,
    change_id uuid not null,
    subscription_id uuid not null,
    sequence bigint not null,
    submitted_at timestamptz not null,
    idempotency_key text not null,
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    reason_code text,
    reason text,
    constraint subscription_withdrawals_pk primary key (project_id, subscription_id, sequence),
    constraint subscription_withdrawals_change unique (project_id, change_id),
    constraint subscription_withdrawals_idempotency_key unique (project_id, subscription_id, idempotency_key),
    constraint subscription_withdrawals_of_change foreign key (project_id, change_id) references subscription_changes (project_id, id)
);

-- What the server itself may do. A subscription keeps its name and its customer; what was submitted or withdrawn stays as it was.
grant select, insert on subscriptions to neruba_server;
grant select, insert on subscription_changes to neruba_server;
grant select, insert on subscription_withdrawals to neruba_server;

-- A statement that forgets its project finds nothing: the transaction names the project, the database enforces it.
alter table subscriptions enable row level security;
create policy subscriptions_of_project on subscriptions to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table subscription_changes enable row level security;
create policy subscription_changes_of_project on subscription_changes to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table subscription_withdrawals enable row level security;
create policy subscription_withdrawals_of_project on subscription_withdrawals to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
