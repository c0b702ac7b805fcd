-- Where and how customers are taxed, and what a project decides about invoices, proration, late usage and recomputation.

alter table projects add column invoice_rounding text not null default 'perInvoice';
alter table projects add column proration_basis text not null default 'day';
alter table projects add column late_buffer_minutes bigint not null default 60;
alter table projects add column recompute_limit_days bigint not null default 90;

create table customer_tax (
    project_id uuid not null,
    customer_id uuid not null,
    country text,
    region text,
    tax_ids jsonb not null,
    treatment text not null,
    exemption_reason text,
    constraint customer_tax_pk primary key (project_id, customer_id),
    constraint customer_tax_customer foreign key (project_id, customer_id) references customers (project_id, id)
);

grant select, insert, update on customer_tax to neruba_server;

alter table customer_tax enable row level security;
create policy customer_tax_of_project on customer_tax to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
