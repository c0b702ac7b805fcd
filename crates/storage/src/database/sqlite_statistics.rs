//! What SQLite is told about the shape of the tables, so that a plan never depends on what was in them at some time.
//!
//! Without statistics it takes the first column of every key for selective. Ours is the project, and an installation
//! may have one: a search by project alone then reads the whole table. The figures say that a project has many rows,
//! and that each further column of an index narrows them down; they are the same on every machine.

/// Run in the transaction of each migration, over whatever tables and indexes there are then.
pub(crate) const STATISTICS: &str = "
analyze;
delete from sqlite_stat1;
insert into sqlite_stat1 (tbl, idx, stat)
select t.name,
    case when i.origin = 'pk' and t.wr = 1 then t.name else i.name end,
    '1000000' || (
        select group_concat(' ' || c.rows_alike, '')
        from (
            select case
                when i.\"unique\" = 1 and n.seqno = (select max(seqno) from pragma_index_info(i.name)) then 1
                when n.seqno = 0 and i.partial = 1 then 1000
                when n.seqno = 0 and n.name = 'project_id' then 100000
                when n.seqno = 0 then 1000
                when n.seqno = 1 then 500
                when n.seqno = 2 then 20
                else 5
            end as rows_alike
            from pragma_index_info(i.name) n
            order by n.seqno
        ) c
    ) || ' noskipscan'
from pragma_table_list t
join pragma_index_list(t.name) i
where t.schema = 'main' and t.type = 'table' and t.name not like 'sqlite_%';
analyze sqlite_schema;
";
