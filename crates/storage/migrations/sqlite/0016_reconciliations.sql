-- For each issued invoice: what was counted, charged, posted and billed, and whether all of it agrees. Written once, in the order of numbers.
-- Wide rows, as those of charges.
create table reconciliations (
    project_id blob not null,
    invoice_id blob not null,
    number integer not null,
    agrees integer not null,
    content text not null,
    digest blob not null,
    made_at integer not null,
    constraint reconciliations_pk primary key (project_id, invoice_id),
    constraint reconciliations_number unique (project_id, number),
    constraint reconciliations_invoice foreign key (project_id, invoice_id) references issued_invoices (project_id, invoice_id)
) strict;

create trigger reconciliations_no_update before update on reconciliations begin
    select raise(abort, 'reconciliations is insert-only');
end;
create trigger reconciliations_no_delete before delete on reconciliations begin
    select raise(abort, 'reconciliations is insert-only');
end;
