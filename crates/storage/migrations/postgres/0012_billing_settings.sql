-- What a project decides about its invoices and prints on them, to whom invoices are addressed, and who pays for whom.

alter table projects add column proration_unused text not null default 'credited';
alter table projects add column proration_billing text not null default 'now';
alter table projects add column late_policy text not null default 'nextInvoice';
alter table projects add column late_limit_days bigint not null default 90;
alter table projects add column invoice_finalization text not null default 'automatic';
alter table projects add column invoice_grace_minutes bigint not null default 0;
alter table projects add column payment_term_days bigint not null default 14;

-- One row for each project that said something. The counters of its numbers are kept apart.
create table billing_settings (
    project_id uuid not null,
    content jsonb not null,
    changed_at timestamptz not null,
    constraint billing_settings_pk primary key (project_id)
);

-- Personal data, apart from the customer, so that it can be erased without touching what the ledger names.
create table customer_billing (
    project_id uuid not null,
    customer_id uuid not null,
    content jsonb not null,
    constraint customer_billing_pk primary key (project_id, customer_id),
    constraint customer_billing_customer foreign key (project_id, customer_id) references customers (project_id, id)
);

-- Who pays for the customer, where that is another one. Customers are never deleted, so it always exists.
alter table customers add column payer_id uuid;
create index customers_by_payer on customers (project_id, payer_id, id);

grant select, insert, update on billing_settings to neruba_server;

alter table billing_settings enable row level security;
create policy billing_settings_of_project on billing_settings to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);

grant select, insert, update on customer_billing to neruba_server;

alter table customer_billing enable row level security;
create policy customer_billing_of_project on customer_billing to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
