//! How PostgreSQL joins: each row of one table finds those of the next by more than the project they share. A join by the project alone is
//! as good as any on a small table, and reads all of a large project for each of its rows.

use std::collections::BTreeSet;

use storage::{Database, Dialect, raw};

/// Statements whose joins take nothing of the other table, and why that is right.
const BY_PARAMETERS: &[(&str, &str)] = &[
    ("delete_rollup_levels_of_series", "a chunk, of one series"),
    ("delete_rollup_values_of_series", "a chunk, of one series"),
    ("delete_rollups_of_series", "a chunk, of one series"),
    ("get_customer", "one row, by its whole key"),
    ("get_member", "one row, by its whole key"),
    ("ingest_rules_of_projects", "one row, by its whole key"),
    ("projects_with_due_jobs", "whether there is one, for each project"),
    ("projects_with_unfolded_batches", "whether there is one, for each project"),
    ("schema_migrations_exists", "the tables of PostgreSQL itself"),
    ("wake_subscriptions", "of two customers at most, or those one pays for"),
];

/// Rows of one project in each table, with values only where they must be, and the statistics of that.
const ROWS: &str = "
do $$
declare
    relation record;
    rule record;
    project uuid := gen_random_uuid();
begin
    for relation in
        select c.oid::regclass as name, c.oid
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id'
        where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'
    loop
        execute format('alter table %s disable trigger user', relation.name);
        execute format('alter table %s set (autovacuum_enabled = false)', relation.name);
        for rule in
            select r.conname from pg_constraint r where r.conrelid = relation.oid and r.contype in ('c', 'f')
        loop
            execute format('alter table %s drop constraint %I', relation.name, rule.conname);
        end loop;
        execute (
            select format(
                'insert into %s (%s) select %s from generate_series(1, 5000) as row_number on conflict do nothing',
                relation.name,
                string_agg(quote_ident(a.attname), ', '),
                string_agg(
                    case a.attname
                        when 'project_id' then quote_literal(project) || '::uuid'
                        when 'state' then quote_literal('draft')
                        when 'kind' then quote_literal('usage')
                        else case a.atttypid::regtype::text
                            when 'uuid' then 'gen_random_uuid()'
                            when 'text' then 'md5(row_number::text)'
                            when 'boolean' then 'false'
                            when 'timestamp with time zone' then 'now()'
                            when 'jsonb' then $j$'{}'::jsonb$j$
                            when 'bytea' then $b$'a'::bytea$b$
                            else 'row_number'
                        end
                    end,
                    ', '
                )
            )
            from pg_attribute a
            where a.attrelid = relation.oid and a.attnum > 0 and a.attnotnull and not a.attisdropped
        );
        execute format('analyze %s', relation.name);
    end loop;
end $$;
";

/// The plan of a statement whatever its parameters are, as the server sees it: each scan inside a join that is repeated for the rows of
/// another table, with the condition by which it finds its own.
const REPEATED_SCANS: &str = "
create function repeated_scans(name text, statement text, parameters int, settings text) returns setof text language plpgsql as $$
declare
    plan jsonb;
    nothing text := '(' || repeat('null, ', parameters - 1) || 'null)';
begin
    set local role neruba_server;
    execute settings;
    -- Whatever its parameters are.
    set local plan_cache_mode = force_generic_plan;
    execute format('prepare %I as %s', name, statement);
    execute format('explain (format json) execute %I %s', name, case when parameters > 0 then nothing else '' end) into plan;
    return query
        with recursive node (plan, repeated) as (
            select plan -> 0 -> 'Plan', false
            union all
            select child,
                node.repeated or (node.plan ->> 'Node Type' = 'Nested Loop' and child ->> 'Parent Relationship' = 'Inner')
            from node, jsonb_array_elements(node.plan -> 'Plans') as child
        )
        select coalesce(node.plan ->> 'Index Name', node.plan ->> 'Relation Name') || ': '
            || coalesce(node.plan ->> 'Index Cond', '')
        from node
        where node.repeated and node.plan ->> 'Node Type' ~ '^(Seq|Index|Index Only|Bitmap Index) Scan$';
exception
    -- What only the owner of the schema runs.
    when insufficient_privilege then return;
end $$;
";

fn repeated_scans(db: &Database) -> Vec<(&'static str, String)> {
    let mut scans = Vec::new();
    for (name, _, text) in raw::registered(Dialect::Postgres) {
        let parameters = (1..).take_while(|number| text.contains(&format!("${number}"))).count();
        let settings = raw::POSTGRES_SETTINGS;
        let look = format!(
            "-- t\nselect repeated_scans('{name}', $statement${text}$statement$, {parameters}, $settings${settings}$settings$)"
        );
        let found = raw::query_as_owner(db, &look, |row| row.get::<String>(0));
        scans.extend(found.unwrap_or_else(|error| panic!("{name}: {error:?}")).into_iter().map(|scan| (name, scan)));
    }
    scans
}

/// `index: ((project_id = $1) AND (id = l.charge_id))` takes something of the other table to find its own rows by.
/// In a lookup of many rows the other table may be a parameter of the inner one: its own parameters are arrays.
fn finds_by_the_other_table(statement: &str, scan: &str) -> bool {
    let (_, condition) = scan.split_once(": ").unwrap();
    let is_lookup = raw::registered(Dialect::Postgres)
        .iter()
        .any(|(name, _, text)| *name == statement && text.contains("each_row"));
    let mut parts = condition.split(" AND ").map(|part| part.trim_start_matches('('));
    parts.any(|part| {
        let is_of_other = part.contains('.') || is_lookup && part.contains('$');
        !part.starts_with("project_id ") && part.contains(" = ") && is_of_other
    })
}

#[test]
fn joins_find_rows_by_more_than_the_project() {
    let Some((_, _, db)) = testkit::fresh_databases().into_iter().find(|(name, ..)| *name == "postgres") else {
        return;
    };
    for text in [ROWS, REPEATED_SCANS] {
        raw::run_as_owner(&db, text).unwrap();
    }
    let found: BTreeSet<(&str, String)> =
        repeated_scans(&db).into_iter().filter(|(name, scan)| !finds_by_the_other_table(name, scan)).collect();
    let names: BTreeSet<&str> = found.iter().map(|(name, _)| *name).collect();
    let known: BTreeSet<&str> = BY_PARAMETERS.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names, known,
        "statements that join by the project alone (left) and the list of them (right): {found:#?}"
    );
}
