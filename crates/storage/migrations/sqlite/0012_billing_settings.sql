-- What a project decides about its invoices and prints on them, to whom invoices are addressed, and who pays for whom.

alter table projects add column proration_unused text not null default 'credited';
alter table projects add column proration_billing text not null default 'now';
alter table projects add column late_policy text not null default 'nextInvoice';
alter table projects add column late_limit_days integer not null default 90;
alter table projects add column invoice_finalization text not null default 'automatic';
alter table projects add column invoice_grace_minutes integer not null default 0;
alter table projects add column payment_term_days integer not null default 14;

-- One row for each project that said something. The counters of its numbers are kept apart.
create table billing_settings (
    project_id blob not null,
    content text not null,
    changed_at integer not null,
    constraint billing_settings_pk primary key (project_id)
) strict, without rowid;

-- Personal data, apart from the customer, so that it can be erased without touching what the ledger names.
create table customer_billing (
    project_id blob not null,
    customer_id blob not null,
    content text not null,
    constraint customer_billing_pk primary key (project_id, customer_id),
    constraint customer_billing_customer foreign key (project_id, customer_id) references customers (project_id, id)
) strict, without rowid;

-- Who pays for the customer, where that is another one. Customers are never deleted, so it always exists.
alter table customers add column payer_id blob;
create index customers_by_payer on customers (project_id, payer_id, id);
