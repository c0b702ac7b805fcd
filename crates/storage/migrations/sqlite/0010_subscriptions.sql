-- Subscriptions: what a customer has is the fold of changes that are only ever added, less those that were withdrawn while they lay ahead.

create table subscriptions (
    project_id blob not null,
    id blob not null,
    external_key text not null,
    customer_id blob not null,
    created_at integer not null,
    constraint subscriptions_pk primary key (project_id, id),
    constraint subscriptions_external_key unique (project_id, external_key),
    constraint subscriptions_customer foreign key (project_id, customer_id) references customers (project_id, id)
) strict, without rowid;
create index subscriptions_by_customer on subscriptions (project_id, customer_id, id);

-- The sequence is the order of submission within the subscription; withdrawals count in it too.
create table subscription_changes (
    project_id blob not null,
    id blob not null,
    subscription_id blob not null,
    sequence integer not null,
    kind text not null,
    effective_at integer not null,
    submitted_at integer not null,
    idempotency_key text not null,
    fingerprint blob not null,
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    reason_code text,
    reason text,
    content text not null,
    constraint subscription_changes_pk primary key (project_id, subscription_id, sequence),
    constraint subscription_changes_id unique (project_id, id),
    constraint subscription_changes_idempotency_key unique (project_id, subscription_id, idempotency_key),
    constraint subscription_changes_subscription foreign key (project_id, subscription_id) references subscriptions (project_id, id)
) strict, without rowid;

create table subscription_withdrawals (
    project_id blob not null,
    change_id blob not null,
    subscription_id blob not null,
    sequence integer not null,
    submitted_at integer not null,
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
) strict, without rowid;

-- A subscription keeps its name and its customer; what was submitted or withdrawn stays as it was.
create trigger subscriptions_no_update before update on subscriptions begin
    select raise(abort, 'subscriptions is insert-only');
end;
create trigger subscriptions_no_delete before delete on subscriptions begin
    select raise(abort, 'subscriptions is insert-only');
end;
create trigger subscription_changes_no_update before update on subscription_changes begin
    select raise(abort, 'subscription_changes is insert-only');
end;
create trigger subscription_changes_no_delete before delete on subscription_changes begin
    select raise(abort, 'subscription_changes is insert-only');
end;
create trigger subscription_withdrawals_no_update before update on subscription_withdrawals begin
    select raise(abort, 'subscription_withdrawals is insert-only');
end;
create trigger subscription_withdrawals_no_delete before delete on subscription_withdrawals begin
    select raise(abort, 'subscription_withdrawals is insert-only');
end;
