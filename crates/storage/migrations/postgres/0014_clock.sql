-- Clocks of sandbox projects, and lots by when they expire.

alter table projects add column clock_ahead_micros bigint not null default 0;

create index credit_lots_by_expiry on credit_lots (project_id, expires_at, id);
