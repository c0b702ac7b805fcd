-- Late usage: what arrived or was corrected after an issued invoice had counted, found once for each invoice and place in the order of
-- batches.

-- Up to which batch, and up to which number of an invoice, was looked.
create table late_usage_cursors (
    project_id blob not null,
    last_seq integer not null,
    last_number integer not null,
    constraint late_usage_cursors_pk primary key (project_id),
    constraint late_usage_cursors_project foreign key (project_id) references projects (id)
) strict, without rowid;

create table late_usage (
    project_id blob not null,
    id blob not null,
    invoice_id blob not null,
    customer_id blob not null,
    state text not null,
    since_seq integer not null,
    cut integer not null,
    found_at integer not null,
    before_micros integer,
    after_micros integer,
    effect_micros integer,
    counted_to integer,
    held_because text,
    settled_by text,
    settled_at integer,
    correction_id blob,
    reason_code text,
    reason text,
    constraint late_usage_pk primary key (project_id, id),
    constraint late_usage_cut unique (project_id, invoice_id, cut),
    constraint late_usage_invoice foreign key (project_id, invoice_id) references invoices (project_id, id),
    constraint late_usage_correction foreign key (project_id, correction_id) references invoices (project_id, id)
) strict, without rowid;
-- What comes while the rest is not worked out is worked out with it.
create unique index late_usage_open on late_usage (project_id, invoice_id) where state = 'open';
create index late_usage_by_state on late_usage (project_id, state, id);

-- The usage on the invoice that may come to something else.
create table late_usage_charges (
    project_id blob not null,
    late_usage_id blob not null,
    charge_key text not null,
    constraint late_usage_charges_pk primary key (project_id, late_usage_id, charge_key),
    constraint late_usage_charges_of foreign key (project_id, late_usage_id) references late_usage (project_id, id)
) strict, without rowid;

-- What was decided of each of them, once: what is charged or given back, or ignored for good.
create table late_usage_effects (
    project_id blob not null,
    late_usage_id blob not null,
    charge_key text not null,
    before_micros integer not null,
    after_micros integer not null,
    effect_micros integer not null,
    constraint late_usage_effects_pk primary key (project_id, late_usage_id, charge_key),
    constraint late_usage_effects_of foreign key (project_id, late_usage_id) references late_usage (project_id, id)
) strict, without rowid;
create index late_usage_effects_by_key on late_usage_effects (project_id, charge_key);

create index charges_usage_by_time on charges (project_id, at) where kind = 'usage';

-- What was found stays.
create trigger late_usage_charges_no_update before update on late_usage_charges begin
    select raise(abort, 'late_usage_charges is insert-only');
end;
create trigger late_usage_charges_no_delete before delete on late_usage_charges begin
    select raise(abort, 'late_usage_charges is insert-only');
end;
create trigger late_usage_effects_no_update before update on late_usage_effects begin
    select raise(abort, 'late_usage_effects is insert-only');
end;
create trigger late_usage_effects_no_delete before delete on late_usage_effects begin
    select raise(abort, 'late_usage_effects is insert-only');
end;
