-- Backtests: what was asked for with the versions it was asked of, and a result for each customer.

create table backtests (
    project_id uuid not null,
    id uuid not null,
    job_id uuid not null,
    plan_key text not null,
    plan_version bigint not null,
    baseline_key text,
    baseline_version bigint,
    currency text not null,
    from_at timestamptz not null,
    to_at timestamptz not null,
    customer_keys jsonb,
    inputs text not null,
    created_by text not null,
    created_at timestamptz not null,
    last_customer_id uuid,
    customers bigint not null,
    up bigint not null,
    down bigint not null,
    before_micros bigint not null,
    after_micros bigint not null,
    constraint backtests_pk primary key (project_id, id),
    constraint backtests_job foreign key (project_id, job_id) references jobs (project_id, id)
);

create table backtest_results (
    project_id uuid not null,
    backtest_id uuid not null,
    customer_id uuid not null,
    customer_key text not null,
    currency text not null,
    before_micros bigint not null,
    after_micros bigint not null,
    difference_micros bigint not null,
    constraint backtest_results_pk primary key (project_id, backtest_id, customer_id),
    constraint backtest_results_backtest foreign key (project_id, backtest_id) references backtests (project_id, id)
);
create index backtest_results_by_difference
    on backtest_results (project_id, backtest_id, difference_micros desc, customer_key collate "C");
create index backtest_results_by_key on backtest_results (project_id, backtest_id, customer_key collate "C");

-- How far a backtest is changes; what it found does not.
grant select, insert, update on backtests to neruba_server;
grant select, insert on backtest_results to neruba_server;

alter table backtests enable row level security;
create policy backtests_of_project on backtests to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
alter table backtest_results enable row level security;
create policy backtest_results_of_project on backtest_results to neruba_server using (
    current_setting('neruba.scope', true) = 'installation'
    or project_id = nullif(current_setting('neruba.project_id', true), '')::uuid
);
