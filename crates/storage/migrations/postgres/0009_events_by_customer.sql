-- The events of one metric by time tell whose they are, so that those of one customer are found without reading the others.

create index usage_events_by_metric_at_customer on usage_events (project_id, metric_id, at, customer_id);
drop index usage_events_by_metric_at;
