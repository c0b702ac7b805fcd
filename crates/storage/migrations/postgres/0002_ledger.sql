-- Customers and the double-entry ledger: accounts, entries, postings, balances where a decision needs one, wallets, credit lots.

create table customers (
    project_id uuid not null,
    id uuid not null,
    external_key text not null,
    name text not null,
    time_zone text,
    built_in boolean not null,
    created_at timestamptz not null,
    constraint customers_pk primary key (project_id, id),
    constraint customers_external_key unique (project_id, external_key),
    constraint customers_project foreign key (project_id) references projects (id)
);

create table wallets (
    project_id uuid not null,
    customer_id uuid not null,
    currency text not null,
    overdraft_limit_micros bigint not null,
    created_at timestamptz not null,
    constraint wallets_pk primary key (project_id, customer_id, currency),
    constraint wallets_overdraft_limit check (overdraft_limit_micros >= 0),
    constraint wallets_customer foreign key (project_id, customer_id) references customers (project_id, id)
);

create table accounts (
    project_id uuid not null,
    id uuid not null,
    name text not null,
    currency text not null,
    class text not null,
    mode text not null,
    customer_id uuid,
    lot_id uuid,
    created_at timestamptz not null,
    constraint accounts_pk primary key (project_id, id),
    constraint accounts_name unique (project_id, name, currency),
    constraint accounts_project foreign key (project_id) references projects (id)
);
create index accounts_by_customer on accounts (project_id, customer_id);

create table balances (
    project_id uuid not null,
    account_id uuid not null,
    balance_micros bigint not null,
    currency text not null,
    constraint balances_pk primary key (project_id, account_id),
    constraint balances_not_negative check (balance_micros >= 0),
    constraint balances_account foreign key (project_id, account_id) references accounts (project_id, id)
);

create table journal_entries (
    project_id uuid not null,
    id uuid not null,
    kind text not null,
    customer_id uuid,
    amount_micros bigint not null,
    currency text not null,
    balance_after_micros bigint,
    description text not null,
    idempotency_key text,
    fingerprint bytea,
    effective_at timestamptz not null,
    usage_at timestamptz,
    recorded_at timestamptz not null,
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    reason_code text,
    reason text,
    cause_type text not null,
    cause_id text not null,
    reverses_id uuid,
    refunds_id uuid,
    metadata jsonb,
    request_id text not null,
    canon_version bigint not null,
    constraint journal_entries_pk primary key (project_id, id),
    constraint journal_entries_reverses unique (project_id, reverses_id),
    constraint journal_entries_project foreign key (project_id) references projects (id)
);
create index journal_entries_by_customer on journal_entries (project_id, customer_id, id);
create index journal_entries_by_effective on journal_entries (project_id, effective_at, id);
create index journal_entries_by_key on journal_entries (project_id, idempotency_key);
create index journal_entries_by_refund on journal_entries (project_id, refunds_id);

create table postings (
    project_id uuid not null,
    entry_id uuid not null,
    line bigint not null,
    account_id uuid not null,
    currency text not null,
    direction text not null,
    amount_micros bigint not null,
    constraint postings_pk primary key (project_id, entry_id, line),
    constraint postings_amount_positive check (amount_micros > 0),
    constraint postings_direction check (direction in ('debit', 'credit')),
    constraint postings_entry foreign key (project_id, entry_id) references journal_entries (project_id, id),
    constraint postings_account foreign key (project_id, account_id) references accounts (project_id, id)
);
create index postings_by_account on postings (project_id, account_id, entry_id);

create table credit_lots (
    project_id uuid not null,
    id uuid not null,
    customer_id uuid not null,
    currency text not null,
    kind text not null,
    priority bigint not null,
    granted_micros bigint not null,
    account_id uuid not null,
    entry_id uuid not null,
    valid_from timestamptz not null,
    expires_at timestamptz,
    created_at timestamptz not null,
    constraint credit_lots_pk primary key (project_id, id),
    constraint credit_lots_kind check (kind in ('paid', 'promotional')),
    constraint credit_lots_granted check (granted_micros > 0),
    constraint credit_lots_wallet foreign key (project_id, customer_id, currency)
        references wallets (project_id, customer_id, currency),
    constraint credit_lots_account foreign key (project_id, account_id) references accounts (project_id, id)
);
create index credit_lots_by_wallet on credit_lots (project_id, customer_id, currency, id);

-- What the server itself may do. Rows that are history can be added and read, never changed.
grant select, insert, update on customers to neruba_server;
grant select, insert, update on wallets to neruba_server;
grant select, insert, update on accounts to neruba_server;
grant select, insert, update on balances to neruba_server;
grant select, insert on journal_entries to neruba_server;
grant select, insert on postings to neruba_server;
grant select, insert, update on credit_lots to neruba_server;

-- A statement that forgets its project finds nothing: the transaction names the project, the database enforces it.
alter table customers enable row level security;
create policy customers_of_project on customers to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table wallets enable row level security;
create policy wallets_of_project on wallets to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table accounts enable row level security;
create policy accounts_of_project on accounts to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table balances enable row level security;
create policy balances_of_project on balances to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table journal_entries enable row level security;
create policy journal_entries_of_project on journal_entries to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table postings enable row level security;
create policy postings_of_project on postings to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table credit_lots enable row level security;
create policy credit_lots_of_project on credit_lots to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
