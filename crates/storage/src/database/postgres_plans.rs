//! How PostgreSQL is made to plan, so that a plan fits a project of any size, and does not depend on which project it is for.
//!
//! Statistics of `project_id` name the projects that were there when they were made. The rows of any other project are then estimated at
//! one per table, whatever it holds, and every index that begins with the project looks as good as any other: joins read a whole project
//! for each row of it, until the next `analyze`. So a statement does not say beforehand which project it is for (`crate::dialect` writes
//! `project_id = (select cast($1 as uuid))`), and the statistics say that there is one: each is taken for as large as the largest.

/// Settings of each session.
///
/// A plan is made for each execution: one that was kept from when a table was small reads all of it when it has grown. What is read again
/// for each row of another table is found by an index, never compared one by one in memory, which looks cheap when few rows are expected.
/// `jit` costs more than any statement here takes.
pub const SETTINGS: &str = "
set plan_cache_mode = force_custom_plan;
set enable_material = off;
set jit = off;
";

/// Before many rows are inserted: what checks the references of each row is planned once for all, by the key. No statement of ours is
/// repeated for each row.
pub(crate) const PLAN_CHECKS_ONCE: &str = "set local plan_cache_mode = auto; set local enable_seqscan = off";

/// After [`PLAN_CHECKS_ONCE`].
pub(crate) const PLAN_EACH_TIME: &str = "set local plan_cache_mode = force_custom_plan; set local enable_seqscan = on";

/// Run in the transaction of each migration, over whatever tables there are then.
pub(crate) const STATISTICS: &str = "
do $$
declare
    relation regclass;
begin
    for relation in
        select c.oid::regclass
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id' and a.attoptions is null
        where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
    loop
        execute format('alter table %s alter column project_id set (n_distinct = 1)', relation);
    end loop;
end $$;
";
