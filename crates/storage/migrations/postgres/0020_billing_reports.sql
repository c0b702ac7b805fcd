-- What a run comes to: of a dry run everything that it would have stored, of every run the invoices that it touched.

-- A run takes payers one after another, each with all its subscriptions.
alter table billing_runs add column last_payer_id uuid;
alter table billing_runs drop column last_subscription_id;

create index billing_runs_done on billing_runs (project_id, as_of, id) where mode = 'bill' and phase = 'done';

-- What an invoice came to before wallets paid of it: what later ones are compared with. Absent of those issued before this migration.
alter table issued_invoices add column billed_micros bigint;

create index charges_by_run on charges (project_id, run_id, payer_id, id) where run_id is not null;

-- The items that a dry run planned.
create table billing_report_items (
    project_id uuid not null,
    run_id uuid not null,
    id uuid not null,
    subscription_id uuid not null,
    customer_id uuid not null,
    price text not null,
    rhythm text not null,
    period_start timestamptz not null,
    period_end timestamptz not null,
    kind text not null,
    at timestamptz not null,
    due_at timestamptz not null,
    state text not null,
    reason text,
    cut bigint,
    as_of timestamptz not null,
    invoice_id uuid,
    constraint billing_report_items_pk primary key (project_id, run_id, id),
    constraint billing_report_items_run foreign key (project_id, run_id) references billing_runs (project_id, id)
);

-- The charges that a dry run would have made, and the invoices that they would have been on.
create table billing_report_lines (
    project_id uuid not null,
    run_id uuid not null,
    id uuid not null,
    invoice_id uuid not null,
    charge_key text not null,
    revision bigint not null,
    item_id uuid,
    customer_id uuid not null,
    payer_id uuid not null,
    subscription_id uuid,
    kind text not null,
    price text not null,
    source_key text,
    source_version bigint,
    period_start timestamptz,
    period_end timestamptz,
    part_start timestamptz,
    part_end timestamptz,
    at timestamptz not null,
    rates_at timestamptz not null,
    currency text not null,
    amount_micros bigint not null,
    prepaid_micros bigint not null,
    promotional_micros bigint not null,
    tax_category text,
    tax_behaviour text not null,
    coupons jsonb,
    content text not null,
    digest bytea not null,
    cut bigint,
    as_of timestamptz not null,
    entry_id uuid,
    corrects_invoice_id uuid,
    constraint billing_report_lines_pk primary key (project_id, run_id, payer_id, id),
    constraint billing_report_lines_run foreign key (project_id, run_id) references billing_runs (project_id, id)
);

-- The invoices that a run issued, or that it put something on and left as drafts; the amounts are those of the moment. Without amounts:
-- one that could not be billed.
create table billing_report_invoices (
    project_id uuid not null,
    run_id uuid not null,
    customer_id uuid not null,
    invoice_id uuid not null,
    currency text not null,
    kind text not null,
    bills_on text not null,
    part bigint not null,
    outcome text not null,
    reason text,
    subtotal_micros bigint,
    discount_micros bigint,
    tax_micros bigint,
    rounding_micros bigint,
    total_micros bigint,
    prepaid_micros bigint,
    due_micros bigint,
    invoices_before bigint not null,
    median_micros bigint,
    is_outlier boolean not null,
    constraint billing_report_invoices_pk primary key (project_id, run_id, customer_id, invoice_id),
    constraint billing_report_invoices_run foreign key (project_id, run_id) references billing_runs (project_id, id)
);

-- What the server itself may do.
grant select, insert on billing_report_items to neruba_server;
grant select, insert on billing_report_lines to neruba_server;
grant select, insert, update on billing_report_invoices to neruba_server;

-- A statement that forgets its project finds nothing: the transaction names the project, the database enforces it.
alter table billing_report_items enable row level security;
create policy billing_report_items_of_project on billing_report_items to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table billing_report_lines enable row level security;
create policy billing_report_lines_of_project on billing_report_lines to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table billing_report_invoices enable row level security;
create policy billing_report_invoices_of_project on billing_report_invoices to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
