-- Billing: what is due, what was charged for it, the runs that did it, and the invoices that charges are on.

-- From when on something of a subscription may be due; a run looks at those that are. The sequences are those of its newest change and of
-- the newest that a run has seen.
create table subscription_schedules (
    project_id blob not null,
    subscription_id blob not null,
    customer_id blob not null,
    newest_sequence integer not null,
    billed_sequence integer not null,
    billed_until integer,
    next_due_at integer,
    constraint subscription_schedules_pk primary key (project_id, subscription_id),
    constraint subscription_schedules_subscription foreign key (project_id, subscription_id) references subscriptions (project_id, id)
) strict, without rowid;
create index subscription_schedules_due on subscription_schedules (project_id, next_due_at, subscription_id) where next_due_at is not null;
create index subscription_schedules_by_customer on subscription_schedules (project_id, customer_id, subscription_id);

create table billing_runs (
    project_id blob not null,
    id blob not null,
    job_id blob not null,
    mode text not null,
    started_by text not null,
    scope text not null,
    as_of integer not null,
    phase text not null,
    last_subscription_id blob,
    subscriptions integer not null,
    planned integer not null,
    charged integer not null,
    unchanged integer not null,
    skipped integer not null,
    failed integer not null,
    drafts integer not null,
    issued integer not null,
    created_by text not null,
    created_at integer not null,
    constraint billing_runs_pk primary key (project_id, id),
    constraint billing_runs_job foreign key (project_id, job_id) references jobs (project_id, id)
) strict, without rowid;
-- One run at a time: whoever comes second is told which one it is.
create unique index billing_runs_open on billing_runs (project_id) where mode = 'bill' and phase in ('charge', 'issue');

-- What was planned: the part of a period of one price that is billed at once. It keeps the cut up to which usage was counted.
-- Its ids are in no order: kept by them, each row would be written into another page.
create table billing_items (
    project_id blob not null,
    id blob not null,
    subscription_id blob not null,
    customer_id blob not null,
    price text not null,
    rhythm text not null,
    period_start integer not null,
    period_end integer not null,
    kind text not null,
    at integer not null,
    due_at integer not null,
    state text not null,
    reason text,
    cut integer,
    as_of integer not null,
    invoice_id blob,
    run_id blob not null,
    constraint billing_items_pk primary key (project_id, id),
    constraint billing_items_name unique (project_id, subscription_id, price, rhythm, period_start, kind, at)
) strict;
create index billing_items_by_run on billing_items (project_id, run_id, id);
create index billing_items_as_of on billing_items (project_id, as_of, run_id);

-- One rated price for one part of a period. A revision holds the difference to what was charged before.
-- Its rows are wide: in the order in which they are added they fill their pages; in that of their ids each would have pages of its own.
create table charges (
    project_id blob not null,
    id blob not null,
    charge_key text not null,
    revision integer not null,
    item_id blob,
    customer_id blob not null,
    payer_id blob not null,
    subscription_id blob,
    kind text not null,
    price text not null,
    source_key text,
    source_version integer,
    period_start integer,
    period_end integer,
    part_start integer,
    part_end integer,
    at integer not null,
    rates_at integer not null,
    currency text not null,
    amount_micros integer not null,
    prepaid_micros integer not null,
    promotional_micros integer not null,
    tax_category text,
    tax_behaviour text not null,
    coupons text,
    content text not null,
    digest blob not null,
    cut integer,
    as_of integer not null,
    entry_id blob,
    corrects_invoice_id blob,
    run_id blob,
    constraint charges_pk primary key (project_id, id),
    constraint charges_key unique (project_id, charge_key, revision),
    constraint charges_customer foreign key (project_id, customer_id) references customers (project_id, id),
    constraint charges_payer foreign key (project_id, payer_id) references customers (project_id, id)
) strict;
create index charges_by_subscription on charges (project_id, subscription_id, at);
create index charges_by_customer on charges (project_id, customer_id, at);

create table invoices (
    project_id blob not null,
    id blob not null,
    customer_id blob not null,
    currency text not null,
    kind text not null,
    bills_on text not null,
    part integer not null,
    state text not null,
    issues_at integer not null,
    due_at integer,
    total_micros integer not null,
    outstanding_micros integer not null,
    paid_micros integer not null,
    credited_micros integer not null,
    given_up_micros integer not null,
    replaces_id blob,
    run_id blob,
    created_at integer not null,
    issued_at integer,
    voided_at integer,
    constraint invoices_pk primary key (project_id, id),
    constraint invoices_name unique (project_id, customer_id, currency, kind, bills_on, part),
    constraint invoices_customer foreign key (project_id, customer_id) references customers (project_id, id)
) strict, without rowid;
create index invoices_drafts on invoices (project_id, issues_at, customer_id, id) where state = 'draft';
create index invoices_by_customer on invoices (project_id, customer_id, bills_on, id);
create index invoices_by_day on invoices (project_id, bills_on, id);

-- Which charges are on an invoice; a void one lets them go. No charge is on two invoices that stand.
create table invoice_lines (
    project_id blob not null,
    invoice_id blob not null,
    charge_id blob not null,
    released integer not null,
    constraint invoice_lines_pk primary key (project_id, invoice_id, charge_id),
    constraint invoice_lines_invoice foreign key (project_id, invoice_id) references invoices (project_id, id),
    constraint invoice_lines_of_charge foreign key (project_id, charge_id) references charges (project_id, id)
) strict, without rowid;
create unique index invoice_lines_charge on invoice_lines (project_id, charge_id) where not released;

-- What was issued, as it was issued. Wide rows, as those of charges.
create table issued_invoices (
    project_id blob not null,
    invoice_id blob not null,
    series text not null,
    number integer not null,
    number_text text not null,
    entry_id blob,
    total_micros integer not null,
    currency text not null,
    document text not null,
    digest blob not null,
    issued_at integer not null,
    constraint issued_invoices_pk primary key (project_id, invoice_id),
    constraint issued_invoices_number unique (project_id, series, number),
    constraint issued_invoices_invoice foreign key (project_id, invoice_id) references invoices (project_id, id)
) strict;

-- The number that is given next; whoever issues holds the row until the end of the transaction.
create table invoice_series (
    project_id blob not null,
    series text not null,
    next integer not null,
    constraint invoice_series_pk primary key (project_id, series),
    constraint invoice_series_project foreign key (project_id) references projects (id)
) strict, without rowid;

-- What a fixed coupon acted on in which of its periods, on which invoice, and what it took off.
create table coupon_uses (
    project_id blob not null,
    invoice_id blob not null,
    subscription_id blob not null,
    coupon text not null,
    period integer not null,
    of_micros integer not null,
    off_micros integer not null,
    released integer not null,
    constraint coupon_uses_pk primary key (project_id, subscription_id, coupon, period, invoice_id),
    constraint coupon_uses_invoice foreign key (project_id, invoice_id) references invoices (project_id, id)
) strict, without rowid;

-- What is written once stays as it was.
create trigger charges_no_update before update on charges begin
    select raise(abort, 'charges is insert-only');
end;
create trigger charges_no_delete before delete on charges begin
    select raise(abort, 'charges is insert-only');
end;
create trigger issued_invoices_no_update before update on issued_invoices begin
    select raise(abort, 'issued_invoices is insert-only');
end;
create trigger issued_invoices_no_delete before delete on issued_invoices begin
    select raise(abort, 'issued_invoices is insert-only');
end;
