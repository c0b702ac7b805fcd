-- Customers and the double-entry ledger: accounts, entries, postings, balances where a decision needs one, wallets, credit lots.

create table customers (
    project_id blob not null,
    id blob not null,
    external_key text not null,
    name text not null,
    time_zone text,
    built_in integer not null,
    created_at integer not null,
    constraint customers_pk primary key (project_id, id),
    constraint customers_external_key unique (project_id, external_key),
    constraint customers_project foreign key (project_id) references projects (id)
) strict, without rowid;

create table wallets (
    project_id blob not null,
    customer_id blob not null,
    currency text not null,
    overdraft_limit_micros integer not null,
    created_at integer not null,
    constraint wallets_pk primary key (project_id, customer_id, currency),
    constraint wallets_overdraft_limit check (overdraft_limit_micros >= 0),
    constraint wallets_customer foreign key (project_id, customer_id) references customers (project_id, id)
) strict, without rowid;

create table accounts (
    project_id blob not null,
    id blob not null,
    name text not null,
    currency text not null,
    class text not null,
    mode text not null,
    customer_id blob,
    lot_id blob,
    created_at integer not null,
    constraint accounts_pk primary key (project_id, id),
    constraint accounts_name unique (project_id, name, currency),
    constraint accounts_project foreign key (project_id) references projects (id)
) strict, without rowid;
create index accounts_by_customer on accounts (project_id, customer_id);

create table balances (
    project_id blob not null,
    account_id blob not null,
    balance_micros integer not null,
    currency text not null,
    constraint balances_pk primary key (project_id, account_id),
    constraint balances_not_negative check (balance_micros >= 0),
    constraint balances_account foreign key (project_id, account_id) references accounts (project_id, id)
) strict, without rowid;

create table journal_entries (
    project_id blob not null,
    id blob not null,
    kind text not null,
    customer_id blob,
    amount_micros integer not null,
    currency text not null,
    balance_after_micros integer,
    description text not null,
    idempotency_key text,
    fingerprint blob,
    effective_at integer not null,
    usage_at integer,
    recorded_at integer not null,
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    reason_code text,
    reason text,
    cause_type text not null,
    cause_id text not null,
    reverses_id blob,
    refunds_id blob,
    metadata text,
    request_id text not null,
    canon_version integer not null,
    constraint journal_entries_pk primary key (project_id, id),
    constraint journal_entries_reverses unique (project_id, reverses_id),
    constraint journal_entries_project foreign key (project_id) references projects (id)
) strict, without rowid;
create index journal_entries_by_customer on journal_entries (project_id, customer_id, id);
create index journal_entries_by_effective on journal_entries (project_id, effective_at, id);
create index journal_entries_by_key on journal_entries (project_id, idempotency_key);
create index journal_entries_by_refund on journal_entries (project_id, refunds_id);

create table postings (
    project_id blob not null,
    entry_id blob not null,
    line integer not null,
    account_id blob not null,
    currency text not null,
    direction text not null,
    amount_micros integer not null,
    constraint postings_pk primary key (project_id, entry_id, line),
    constraint postings_amount_positive check (amount_micros > 0),
    constraint postings_direction check (direction in ('debit', 'credit')),
    constraint postings_entry foreign key (project_id, entry_id) references journal_entries (project_id, id),
    constraint postings_account foreign key (project_id, account_id) references accounts (project_id, id)
) strict, without rowid;
create index postings_by_account on postings (project_id, account_id, entry_id);

create table credit_lots (
    project_id blob not null,
    id blob not null,
    customer_id blob not null,
    currency text not null,
    kind text not null,
    priority integer not null,
    granted_micros integer not null,
    account_id blob not null,
    entry_id blob not null,
    valid_from integer not null,
    expires_at integer,
    created_at integer not null,
    constraint credit_lots_pk primary key (project_id, id),
    constraint credit_lots_kind check (kind in ('paid', 'promotional')),
    constraint credit_lots_granted check (granted_micros > 0),
    constraint credit_lots_wallet foreign key (project_id, customer_id, currency)
        references wallets (project_id, customer_id, currency),
    constraint credit_lots_account foreign key (project_id, account_id) references accounts (project_id, id)
) strict, without rowid;
create index credit_lots_by_wallet on credit_lots (project_id, customer_id, currency, id);

-- Rows that are history can be added and read, never changed.
create trigger journal_entries_no_update before update on journal_entries begin
    select raise(abort, 'journal_entries is insert-only');
end;
create trigger journal_entries_no_delete before delete on journal_entries begin
    select raise(abort, 'journal_entries is insert-only');
end;
create trigger postings_no_update before update on postings begin
    select raise(abort, 'postings is insert-only');
end;
create trigger postings_no_delete before delete on postings begin
    select raise(abort, 'postings is insert-only');
end;
