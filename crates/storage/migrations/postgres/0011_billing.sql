-- Billing: what is due, what was charged for it, the runs that did it, and the invoices that charges are on.

-- From when on something of a subscription may be due; a run looks at those that are. The sequences are those of its newest change and of
-- the newest that a run has seen.
create table subscription_schedules (
    project_id uuid not null,
    subscription_id uuid not null,
    customer_id uuid not null,
    newest_sequence bigint not null,
    billed_sequence bigint not null,
    billed_until timestamptz,
    next_due_at timestamptz,
    constraint subscription_schedules_pk primary key (project_id, subscription_id),
    constraint subscription_schedules_subscription foreign key (project_id, subscription_id) references subscriptions (project_id, id)
);
create index subscription_schedules_due on subscription_schedules (project_id, next_due_at, subscription_id) where next_due_at is not null;
create index subscription_schedules_by_customer on subscription_schedules (project_id, customer_id, subscription_id);

create table billing_runs (
    project_id uuid not null,
    id uuid not null,
    job_id uuid not null,
    mode text not null,
    started_by text not null,
    scope jsonb not null,
    as_of timestamptz not null,
    phase text not null,
    last_subscription_id uuid,
    subscriptions bigint not null,
    planned bigint not null,
    charged bigint not null,
    unchanged bigint not null,
    skipped bigint not null,
    failed bigint not null,
    drafts bigint not null,
    issued bigint not null,
    created_by text not null,
    created_at timestamptz not null,
    constraint billing_runs_pk primary key (project_id, id),
    constraint billing_runs_job foreign key (project_id, job_id) references jobs (project_id, id)
);
-- One run at a time: whoever comes second is told which one it is.
create unique index billing_runs_open on billing_runs (project_id) where mode = 'bill' and phase in ('charge', 'issue');

-- What was planned: the part of a period of one price that is billed at once. It keeps the cut up to which usage was counted.
create table billing_items (
    project_id uuid not null,
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
    run_id uuid not null,
    constraint billing_items_pk primary key (project_id, id),
    constraint billing_items_name unique (project_id, subscription_id, price, rhythm, period_start, kind, at)
);
create index billing_items_by_run on billing_items (project_id, run_id, id);
create index billing_items_as_of on billing_items (project_id, as_of, run_id);

-- One rated price for one part of a period. A revision holds the difference to what was charged before.
create table charges (
    project_id uuid not null,
    id uuid not null,
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
    run_id uuid,
    constraint charges_pk primary key (project_id, id),
    constraint charges_key unique (project_id, charge_key, revision),
    constraint charges_customer foreign key (project_id, customer_id) references customers (project_id, id),
    constraint charges_payer foreign key (project_id, payer_id) references customers (project_id, id)
);
create index charges_by_subscription on charges (project_id, subscription_id, at);
create index charges_by_customer on charges (project_id, customer_id, at);

create table invoices (
    project_id uuid not null,
    id uuid not null,
    customer_id uuid not null,
    currency text not null,
    kind text not null,
    bills_on text not null,
    part bigint not null,
    state text not null,
    issues_at timestamptz not null,
    due_at timestamptz,
    total_micros bigint not null,
    outstanding_micros bigint not null,
    paid_micros bigint not null,
    credited_micros bigint not null,
    given_up_micros bigint not null,
    replaces_id uuid,
    run_id uuid,
    created_at timestamptz not null,
    issued_at timestamptz,
    voided_at timestamptz,
    constraint invoices_pk primary key (project_id, id),
    constraint invoices_name unique (project_id, customer_id, currency, kind, bills_on, part),
    constraint invoices_customer foreign key (project_id, customer_id) references customers (project_id, id)
);
create index invoices_drafts on invoices (project_id, issues_at, customer_id, id) where state = 'draft';
create index invoices_by_customer on invoices (project_id, customer_id, bills_on, id);
create index invoices_by_day on invoices (project_id, bills_on, id);

-- Which charges are on an invoice; a void one lets them go. No charge is on two invoices that stand.
create table invoice_lines (
    project_id uuid not null,
    invoice_id uuid not null,
    charge_id uuid not null,
    released boolean not null,
    constraint invoice_lines_pk primary key (project_id, invoice_id, charge_id),
    constraint invoice_lines_invoice foreign key (project_id, invoice_id) references invoices (project_id, id),
    constraint invoice_lines_of_charge foreign key (project_id, charge_id) references charges (project_id, id)
);
create unique index invoice_lines_charge on invoice_lines (project_id, charge_id) where not released;

-- What was issued, as it was issued.
create table issued_invoices (
    project_id uuid not null,
    invoice_id uuid not null,
    series text not null,
    number bigint not null,
    number_text text not null,
    entry_id uuid,
    total_micros bigint not null,
    currency text not null,
    document text not null,
    digest bytea not null,
    issued_at timestamptz not null,
    constraint issued_invoices_pk primary key (project_id, invoice_id),
    constraint issued_invoices_number unique (project_id, series, number),
    constraint issued_invoices_invoice foreign key (project_id, invoice_id) references invoices (project_id, id)
);

-- The number that is given next; whoever issues holds the row until the end of the transaction.
create table invoice_series (
    project_id uuid not null,
    series text not null,
    next bigint not null,
    constraint invoice_series_pk primary key (project_id, series),
    constraint invoice_series_project foreign key (project_id) references projects (id)
);

-- What a fixed coupon acted on in which of its periods, on which invoice, and what it took off.
create table coupon_uses (
    project_id uuid not null,
    invoice_id uuid not null,
    subscription_id uuid not null,
    coupon text not null,
    period bigint not null,
    of_micros bigint not null,
    off_micros bigint not null,
    released boolean not null,
    constraint coupon_uses_pk primary key (project_id, subscription_id, coupon, period, invoice_id),
    constraint coupon_uses_invoice foreign key (project_id, invoice_id) references invoices (project_id, id)
);

-- What the server itself may do.
grant select, insert on charges to neruba_server;
grant select, insert on issued_invoices to neruba_server;
grant select, insert, update on subscription_schedules to neruba_server;
grant select, insert, update on billing_runs to neruba_server;
grant select, insert, update on billing_items to neruba_server;
grant select, insert, update on invoices to neruba_server;
grant select, insert, update on invoice_lines to neruba_server;
grant select, insert, update on invoice_series to neruba_server;
grant select, insert, update on coupon_uses to neruba_server;

-- A statement that forgets its project finds nothing: the transaction names the project, the database enforces it.
alter table charges enable row level security;
create policy charges_of_project on charges to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table issued_invoices enable row level security;
create policy issued_invoices_of_project on issued_invoices to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table subscription_schedules enable row level security;
create policy subscription_schedules_of_project on subscription_schedules to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table billing_runs enable row level security;
create policy billing_runs_of_project on billing_runs to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table billing_items enable row level security;
create policy billing_items_of_project on billing_items to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table invoices enable row level security;
create policy invoices_of_project on invoices to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table invoice_lines enable row level security;
create policy invoice_lines_of_project on invoice_lines to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table invoice_series enable row level security;
create policy invoice_series_of_project on invoice_series to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table coupon_uses enable row level security;
create policy coupon_uses_of_project on coupon_uses to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
