-- Deferrals: what lines of issued invoices bill for time that lies ahead, what credit notes took back of it, and how far each is earned in
-- the books.

-- Days are civil days; `ends_on` is exclusive. Nothing is earned before `starts_on`; with its entry everything from before is.
create table deferrals (
    project_id uuid not null,
    id uuid not null,
    invoice_id uuid not null,
    line bigint not null,
    credit_note_id uuid,
    customer_id uuid not null,
    subscription_id uuid not null,
    currency text not null,
    amount_micros bigint not null,
    first_on text not null,
    ends_on text not null,
    starts_on text not null,
    constraint deferrals_pk primary key (project_id, id),
    constraint deferrals_invoice foreign key (project_id, invoice_id) references invoices (project_id, id),
    constraint deferrals_credit_note foreign key (project_id, credit_note_id) references credit_notes (project_id, id),
    constraint deferrals_customer foreign key (project_id, customer_id) references customers (project_id, id)
);
create index deferrals_by_invoice on deferrals (project_id, invoice_id, line);
create index deferrals_by_subscription on deferrals (project_id, subscription_id, customer_id, currency);

-- The next day whose entry earns of a deferral; none when all of it is earned, or its invoice is void.
create table recognitions (
    project_id uuid not null,
    deferral_id uuid not null,
    next_on text,
    recognized_micros bigint not null,
    voided_at timestamptz,
    constraint recognitions_pk primary key (project_id, deferral_id),
    constraint recognitions_deferral foreign key (project_id, deferral_id) references deferrals (project_id, id)
);
create index recognitions_due on recognitions (project_id, next_on, deferral_id) where next_on is not null;

-- What the server itself may do.
grant select, insert on deferrals to neruba_server;
grant select, insert, update on recognitions to neruba_server;

-- A statement that forgets its project finds nothing: the transaction names the project, the database enforces it.
alter table deferrals enable row level security;
create policy deferrals_of_project on deferrals to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table recognitions enable row level security;
create policy recognitions_of_project on recognitions to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
