-- What settles an issued invoice: payments, and credit notes with the lines that they take back. Written once.
create table invoice_payments (
    project_id uuid not null,
    id uuid not null,
    invoice_id uuid not null,
    customer_id uuid not null,
    source text not null,
    currency text not null,
    amount_micros bigint not null,
    settled_micros bigint not null,
    recovered_micros bigint not null,
    paid_at timestamptz not null,
    reference text,
    entry_id uuid not null,
    recorded_at timestamptz not null,
    constraint invoice_payments_pk primary key (project_id, id),
    constraint invoice_payments_invoice foreign key (project_id, invoice_id) references issued_invoices (project_id, invoice_id)
);
create index invoice_payments_by_invoice on invoice_payments (project_id, invoice_id, id);

create table credit_notes (
    project_id uuid not null,
    id uuid not null,
    invoice_id uuid not null,
    customer_id uuid not null,
    series text not null,
    number bigint not null,
    number_text text not null,
    currency text not null,
    total_micros bigint not null,
    settled_micros bigint not null,
    returned_micros bigint not null,
    overpaid text not null,
    entry_id uuid,
    reason_code text not null,
    reason text,
    document text not null,
    digest bytea not null,
    issued_at timestamptz not null,
    constraint credit_notes_pk primary key (project_id, id),
    constraint credit_notes_number unique (project_id, series, number),
    constraint credit_notes_invoice foreign key (project_id, invoice_id) references issued_invoices (project_id, invoice_id)
);
create index credit_notes_by_invoice on credit_notes (project_id, invoice_id, id);

create table credit_note_lines (
    project_id uuid not null,
    credit_note_id uuid not null,
    line bigint not null,
    invoice_id uuid not null,
    net_micros bigint not null,
    tax_micros bigint not null,
    returned_micros bigint not null,
    constraint credit_note_lines_pk primary key (project_id, credit_note_id, line),
    constraint credit_note_lines_note foreign key (project_id, credit_note_id) references credit_notes (project_id, id)
);
create index credit_note_lines_by_invoice on credit_note_lines (project_id, invoice_id);
create index issued_invoices_by_text on issued_invoices (project_id, number_text);

grant select, insert on invoice_payments to neruba_server;
grant select, insert on credit_notes to neruba_server;
grant select, insert on credit_note_lines to neruba_server;

alter table invoice_payments enable row level security;
create policy invoice_payments_of_project on invoice_payments to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table credit_notes enable row level security;
create policy credit_notes_of_project on credit_notes to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table credit_note_lines enable row level security;
create policy credit_note_lines_of_project on credit_note_lines to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
