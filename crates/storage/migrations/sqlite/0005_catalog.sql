-- The catalog: plans with drafts that change and published versions that never do, and everything else that has a key in it.

-- One row per project that has a catalog: whoever writes locks it, so that two changes never pass each other.
create table catalogs (
    project_id blob not null,
    changed_at integer not null,
    constraint catalogs_pk primary key (project_id),
    constraint catalogs_project foreign key (project_id) references projects (id)
) strict, without rowid;

create table plans (
    project_id blob not null,
    id blob not null,
    key text not null,
    last_number integer not null,
    created_at integer not null,
    archived_at integer,
    constraint plans_pk primary key (project_id, id),
    constraint plans_key unique (project_id, key),
    constraint plans_project foreign key (project_id) references projects (id)
) strict, without rowid;

create table plan_drafts (
    project_id blob not null,
    plan_id blob not null,
    number integer not null,
    name text not null,
    currency text not null,
    definition text not null,
    created_at integer not null,
    changed_at integer not null,
    constraint plan_drafts_pk primary key (project_id, plan_id, number),
    constraint plan_drafts_plan foreign key (project_id, plan_id) references plans (project_id, id)
) strict, without rowid;

create table plan_versions (
    project_id blob not null,
    plan_id blob not null,
    number integer not null,
    name text not null,
    currency text not null,
    definition text not null,
    published_at integer not null,
    constraint plan_versions_pk primary key (project_id, plan_id, number),
    constraint plan_versions_plan foreign key (project_id, plan_id) references plans (project_id, id)
) strict, without rowid;

-- Add-ons, coupons, tax categories, tax rates and custom assets: the greatest version of a key is what it says now.
create table catalog_items (
    project_id blob not null,
    kind text not null,
    key text not null,
    version integer not null,
    removed integer not null,
    definition text not null,
    created_at integer not null,
    constraint catalog_items_pk primary key (project_id, kind, key, version),
    constraint catalog_items_project foreign key (project_id) references projects (id)
) strict, without rowid;

-- What was published can be added and read, never changed.
create trigger plan_versions_no_update before update on plan_versions begin
    select raise(abort, 'plan_versions is insert-only');
end;
create trigger plan_versions_no_delete before delete on plan_versions begin
    select raise(abort, 'plan_versions is insert-only');
end;
create trigger catalog_items_no_update before update on catalog_items begin
    select raise(abort, 'catalog_items is insert-only');
end;
create trigger catalog_items_no_delete before delete on catalog_items begin
    select raise(abort, 'catalog_items is insert-only');
end;
