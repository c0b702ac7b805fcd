-- The catalog: plans with drafts that change and published versions that never do, and everything else that has a key in it.

-- One row per project that has a catalog: whoever writes locks it, so that two changes never pass each other.
create table catalogs (
    project_id uuid not null,
    changed_at timestamptz not null,
    constraint catalogs_pk primary key (project_id),
    constraint catalogs_project foreign key (project_id) references projects (id)
);

create table plans (
    project_id uuid not null,
    id uuid not null,
    key text not null,
    last_number bigint not null,
    created_at timestamptz not null,
    archived_at timestamptz,
    constraint plans_pk primary key (project_id, id),
    constraint plans_key unique (project_id, key),
    constraint plans_project foreign key (project_id) references projects (id)
);

create table plan_drafts (
    project_id uuid not null,
    plan_id uuid not null,
    number bigint not null,
    name text not null,
    currency text not null,
    definition jsonb not null,
    created_at timestamptz not null,
    changed_at timestamptz not null,
    constraint plan_drafts_pk primary key (project_id, plan_id, number),
    constraint plan_drafts_plan foreign key (project_id, plan_id) references plans (project_id, id)
);

create table plan_versions (
    project_id uuid not null,
    plan_id uuid not null,
    number bigint not null,
    name text not null,
    currency text not null,
    definition jsonb not null,
    published_at timestamptz not null,
    constraint plan_versions_pk primary key (project_id, plan_id, number),
    constraint plan_versions_plan foreign key (project_id, plan_id) references plans (project_id, id)
);

-- Add-ons, coupons, tax categories, tax rates and custom assets: the greatest version of a key is what it says now.
create table catalog_items (
    project_id uuid not null,
    kind text not null,
    key text not null,
    version bigint not null,
    removed boolean not null,
    definition jsonb not null,
    created_at timestamptz not null,
    constraint catalog_items_pk primary key (project_id, kind, key, version),
    constraint catalog_items_project foreign key (project_id) references projects (id)
);

-- What the server itself may do. What was published can be added and read, never changed.
grant select, insert, update on catalogs to neruba_server;
grant select, insert, update on plans to neruba_server;
grant select, insert, update, delete on plan_drafts to neruba_server;
grant select, insert on plan_versions to neruba_server;
grant select, insert on catalog_items to neruba_server;

-- A statement that forgets its project finds nothing: the transaction names the project, the database enforces it.
alter table catalogs enable row level security;
create policy catalogs_of_project on catalogs to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table plans enable row level security;
create policy plans_of_project on plans to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table plan_drafts enable row level security;
create policy plan_drafts_of_project on plan_drafts to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table plan_versions enable row level security;
create policy plan_versions_of_project on plan_versions to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table catalog_items enable row level security;
create policy catalog_items_of_project on catalog_items to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
