-- What a run comes to: of a dry run everything that it would have stored, of every run the invoices that it touched.

-- A run takes payers one after another, each with all its subscriptions.
alter table billing_runs add column last_payer_id blob;
alter table billing_runs drop column last_subscription_id;

create index billing_runs_done on billing_runs (project_id, as_of, id) where mode = 'bill' and phase = 'done';

-- What an invoice came to before wallets paid of it: what later ones are compared with. Absent of those issued before this migration.
alter table issued_invoices add column billed_micros integer;

create index charges_by_run on charges (project_id, run_id, payer_id, id) where run_id is not null;

-- The items that a dry run planned.
create table billing_report_items (
    project_id blob not null,
    run_id blob not null,
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
    constraint billing_report_items_pk primary key (project_id, run_id, id),
    constraint billing_report_items_run foreign key (project_id, run_id) references billing_runs (project_id, id)
) strict, without rowid;

-- The charges that a dry run would have made, and the invoices that they would have been on.
create table billing_report_lines (
    project_id blob not null,
    run_id blob not null,
    id blob not null,
    invoice_id blob not null,
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
    constraint billing_report_lines_pk primary key (project_id, run_id, payer_id, id),
    constraint billing_report_lines_run foreign key (project_id, run_id) references billing_runs (project_id, id)
) strict, without rowid;

-- The invoices that a run issued, or that it put something on and left as drafts; the amounts are those of the moment. Without amounts:
-- one that could not be billed.
create table billing_report_invoices (
    project_id blob not null,
    run_id blob not null,
    customer_id blob not null,
    invoice_id blob not null,
    currency text not null,
    kind text not null,
    bills_on text not null,
    part integer not null,
    outcome text not null,
    reason text,
    subtotal_micros integer,
    discount_micros integer,
    tax_micros integer,
    rounding_micros integer,
    total_micros integer,
    prepaid_micros integer,
    due_micros integer,
    invoices_before integer not null,
    median_micros integer,
    is_outlier integer not null,
    constraint billing_report_invoices_pk primary key (project_id, run_id, customer_id, invoice_id),
    constraint billing_report_invoices_run foreign key (project_id, run_id) references billing_runs (project_id, id)
) strict, without rowid;

-- What is written once stays as it was.
create trigger billing_report_items_no_update before update on billing_report_items begin
    select raise(abort, 'billing_report_items is insert-only');
end;
create trigger billing_report_items_no_delete before delete on billing_report_items begin
    select raise(abort, 'billing_report_items is insert-only');
end;
create trigger billing_report_lines_no_update before update on billing_report_lines begin
    select raise(abort, 'billing_report_lines is insert-only');
end;
create trigger billing_report_lines_no_delete before delete on billing_report_lines begin
    select raise(abort, 'billing_report_lines is insert-only');
end;
