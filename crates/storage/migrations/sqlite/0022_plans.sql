-- On which void invoices a charge was; those that stand have an index of their own.
create index invoice_lines_released on invoice_lines (project_id, charge_id) where released;
