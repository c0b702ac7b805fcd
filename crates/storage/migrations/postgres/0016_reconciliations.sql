-- For each issued invoice: what was counted, charged, posted and billed, and whether all of it agrees. Written once, in the order of numbers.
create table reconciliations (
    project_id uuid not null,
    invoice_id uuid not null,
    number bigint not null,
    agrees boolean not null,
    content text not null,
    digest bytea not null,
    made_at timestamptz not null,
    constraint reconciliations_pk primary key (project_id, invoice_id),
    constraint reconciliations_number unique (project_id, number),
    constraint reconciliations_invoice foreign key (project_id, invoice_id) references issued_invoices (project_id, invoice_id)
);

grant select, insert on reconciliations to neruba_server;
alter table reconciliations enable row level security;
create policy reconciliations_of_project on reconciliations to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
