-- Deferrals: what lines of issued invoices bill for time that lies ahead, what credit notes took back of it, and how far each is earned in
-- the books.

-- Days are civil days; `ends_on` is exclusive. Nothing is earned before `starts_on`; with its entry everything from before is.
create table deferrals (
    project_id blob not null,
    id blob not null,
    invoice_id blob not null,
    line integer not null,
    credit_note_id blob,
    customer_id blob not null,
    subscription_id blob not null,
    currency text not null,
    amount_micros integer not null,
    first_on text not null,
    ends_on text not null,
    starts_on text not null,
    constraint deferrals_pk primary key (project_id, id),
    constraint deferrals_invoice foreign key (project_id, invoice_id) references invoices (project_id, id),
    constraint deferrals_credit_note foreign key (project_id, credit_note_id) references credit_notes (project_id, id),
    constraint deferrals_customer foreign key (project_id, customer_id) references customers (project_id, id)
) strict, without rowid;
create index deferrals_by_invoice on deferrals (project_id, invoice_id, line);
create index deferrals_by_subscription on deferrals (project_id, subscription_id, customer_id, currency);

-- The next day whose entry earns of a deferral; none when all of it is earned, or its invoice is void.
create table recognitions (
    project_id blob not null,
    deferral_id blob not null,
    next_on text,
    recognized_micros integer not null,
    voided_at integer,
    constraint recognitions_pk primary key (project_id, deferral_id),
    constraint recognitions_deferral foreign key (project_id, deferral_id) references deferrals (project_id, id)
) strict, without rowid;
create index recognitions_due on recognitions (project_id, next_on, deferral_id) where next_on is not null;

-- What is written once stays as it was.
create trigger deferrals_no_update before update on deferrals begin
    select raise(abort, 'deferrals is insert-only');
end;
create trigger deferrals_no_delete before delete on deferrals begin
    select raise(abort, 'deferrals is insert-only');
end;
