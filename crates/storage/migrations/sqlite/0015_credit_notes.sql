-- What settles an issued invoice: payments, and credit notes with the lines that they take back. Written once.
create table invoice_payments (
    project_id blob not null,
    id blob not null,
    invoice_id blob not null,
    customer_id blob not null,
    source text not null,
    currency text not null,
    amount_micros integer not null,
    settled_micros integer not null,
    recovered_micros integer not null,
    paid_at integer not null,
    reference text,
    entry_id blob not null,
    recorded_at integer not null,
    constraint invoice_payments_pk primary key (project_id, id),
    constraint invoice_payments_invoice foreign key (project_id, invoice_id) references issued_invoices (project_id, invoice_id)
) strict, without rowid;
create index invoice_payments_by_invoice on invoice_payments (project_id, invoice_id, id);

create table credit_notes (
    project_id blob not null,
    id blob not null,
    invoice_id blob not null,
    customer_id blob not null,
    series text not null,
    number integer not null,
    number_text text not null,
    currency text not null,
    total_micros integer not null,
    settled_micros integer not null,
    returned_micros integer not null,
    overpaid text not null,
    entry_id blob,
    reason_code text not null,
    reason text,
    document text not null,
    digest blob not null,
    issued_at integer not null,
    constraint credit_notes_pk primary key (project_id, id),
    constraint credit_notes_number unique (project_id, series, number),
    constraint credit_notes_invoice foreign key (project_id, invoice_id) references issued_invoices (project_id, invoice_id)
) strict, without rowid;
create index credit_notes_by_invoice on credit_notes (project_id, invoice_id, id);

create table credit_note_lines (
    project_id blob not null,
    credit_note_id blob not null,
    line integer not null,
    invoice_id blob not null,
    net_micros integer not null,
    tax_micros integer not null,
    returned_micros integer not null,
    constraint credit_note_lines_pk primary key (project_id, credit_note_id, line),
    constraint credit_note_lines_note foreign key (project_id, credit_note_id) references credit_notes (project_id, id)
) strict, without rowid;
create index credit_note_lines_by_invoice on credit_note_lines (project_id, invoice_id);
create index issued_invoices_by_text on issued_invoices (project_id, number_text);

create trigger invoice_payments_no_update before update on invoice_payments begin
    select raise(abort, 'invoice_payments is insert-only');
end;
create trigger invoice_payments_no_delete before delete on invoice_payments begin
    select raise(abort, 'invoice_payments is insert-only');
end;
create trigger credit_notes_no_update before update on credit_notes begin
    select raise(abort, 'credit_notes is insert-only');
end;
create trigger credit_notes_no_delete before delete on credit_notes begin
    select raise(abort, 'credit_notes is insert-only');
end;
create trigger credit_note_lines_no_update before update on credit_note_lines begin
    select raise(abort, 'credit_note_lines is insert-only');
end;
create trigger credit_note_lines_no_delete before delete on credit_note_lines begin
    select raise(abort, 'credit_note_lines is insert-only');
end;
