-- Backtests: what was asked for with the versions it was asked of, and a result for each customer.

create table backtests (
    project_id blob not null,
    id blob not null,
    job_id blob not null,
    plan_key text not null,
    plan_version integer not null,
    baseline_key text,
    baseline_version integer,
    currency text not null,
    from_at integer not null,
    to_at integer not null,
    customer_keys text,
    inputs text not null,
    created_by text not null,
    created_at integer not null,
    last_customer_id blob,
    customers integer not null,
    up integer not null,
    down integer not null,
    before_micros integer not null,
    after_micros integer not null,
    constraint backtests_pk primary key (project_id, id),
    constraint backtests_job foreign key (project_id, job_id) references jobs (project_id, id)
) strict, without rowid;

create table backtest_results (
    project_id blob not null,
    backtest_id blob not null,
    customer_id blob not null,
    customer_key text not null,
    currency text not null,
    before_micros integer not null,
    after_micros integer not null,
    difference_micros integer not null,
    constraint backtest_results_pk primary key (project_id, backtest_id, customer_id),
    constraint backtest_results_backtest foreign key (project_id, backtest_id) references backtests (project_id, id)
) strict, without rowid;
create index backtest_results_by_difference on backtest_results (project_id, backtest_id, difference_micros desc, customer_key);
create index backtest_results_by_key on backtest_results (project_id, backtest_id, customer_key);

create trigger backtest_results_no_update before update on backtest_results begin
    select raise(abort, 'backtest_results is insert-only');
end;
create trigger backtest_results_no_delete before delete on backtest_results begin
    select raise(abort, 'backtest_results is insert-only');
end;
