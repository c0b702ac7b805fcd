-- Late usage: what arrived or was corrected after an issued invoice had counted, found once for each invoice and place in the order of
-- batches.

-- Up to which batch, and up to which number of an invoice, was looked.
create table late_usage_cursors (
    project_id uuid not null,
    last_seq bigint not null,
    last_number bigint not null,
    constraint late_usage_cursors_pk primary key (project_id),
    constraint late_usage_cursors_project foreign key (project_id) references projects (id)
);

create table late_usage (
    project_id uuid not null,
    id uuid not null,
    invoice_id uuid not null,
    customer_id uuid not null,
    state text not null,
    since_seq bigint not null,
    cut bigint not null,
    found_at timestamptz not null,
    before_micros bigint,
    after_micros bigint,
    effect_micros bigint,
    counted_to bigint,
    held_because text,
    settled_by text,
    settled_at timestamptz,
    correction_id uuid,
    reason_code text,
    reason text,
    constraint late_usage_pk primary key (project_id, id),
    constraint late_usage_cut unique (project_id, invoice_id, cut),
    constraint late_usage_invoice foreign key (project_id, invoice_id) references invoices (project_id, id),
    constraint late_usage_correction foreign key (project_id, correction_id) references invoices (project_id, id)
);
-- What comes while the rest is not worked out is worked out with it.
create unique index late_usage_open on late_usage (project_id, invoice_id) where state = 'open';
create index late_usage_by_state on late_usage (project_id, state, id);

-- The usage on the invoice that may come to something else.
create table late_usage_charges (
    project_id uuid not null,
    late_usage_id uuid not null,
    charge_key text not null,
    constraint late_usage_charges_pk primary key (project_id, late_usage_id, charge_key),
    constraint late_usage_charges_of foreign key (project_id, late_usage_id) references late_usage (project_id, id)
);

-- What was decided of each of them, once: what is charged or given back, or ignored for good.
create table late_usage_effects (
    project_id uuid not null,
    late_usage_id uuid not null,
    charge_key text not null,
    before_micros bigint not null,
    after_micros bigint not null,
    effect_micros bigint not null,
    constraint late_usage_effects_pk primary key (project_id, late_usage_id, charge_key),
    constraint late_usage_effects_of foreign key (project_id, late_usage_id) references late_usage (project_id, id)
);
create index late_usage_effects_by_key on late_usage_effects (project_id, charge_key);

create index charges_usage_by_time on charges (project_id, at) where kind = 'usage';

-- What the server itself may do.
grant select, insert, update on late_usage_cursors to neruba_server;
grant select, insert, update on late_usage to neruba_server;
grant select, insert on late_usage_charges to neruba_server;
grant select, insert on late_usage_effects to neruba_server;

-- A statement that forgets its project finds nothing: the transaction names the project, the database enforces it.
alter table late_usage_cursors enable row level security;
create policy late_usage_cursors_of_project on late_usage_cursors to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table late_usage enable row level security;
create policy late_usage_of_project on late_usage to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table late_usage_charges enable row level security;
create policy late_usage_charges_of_project on late_usage_charges to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table late_usage_effects enable row level security;
create policy late_usage_effects_of_project on late_usage_effects to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
