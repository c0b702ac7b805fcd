-- Row-level security in a form of which the planner does not conclude how many rows a project has: from `or` with an equality it takes
-- nearly all of them for hidden, and then joins tables row by row. Later tables have it from the beginning.
do $$
declare
    policy record;
begin
    for policy in
        select p.polname, p.polrelid::regclass as relation
        from pg_policy p
        join pg_class c on c.oid = p.polrelid
        where c.relnamespace = current_schema()::regnamespace and p.polname like '%\_of\_project'
    loop
        execute format(
            'alter policy %I on %s using (
                case
                    when current_setting(''neruba.scope'', true) = ''installation'' then true
                    else project_id = nullif(current_setting(''neruba.project_id'', true), '''')::uuid
                end
            )',
            policy.polname, policy.relation
        );
    end loop;
end $$;

-- On which void invoices a charge was; those that stand have an index of their own.
create index invoice_lines_released on invoice_lines (project_id, charge_id) where released;
