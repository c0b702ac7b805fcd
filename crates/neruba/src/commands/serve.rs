//! `neruba serve`: the API and the workers in one process, until it is told to stop.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use engine::Engine;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use server::App;
use storage::{Database, DatabaseUrl, SchemaState};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Serve;
use crate::config::{Config, Environment};
use crate::{logs, world};

/// How often figures forget what nobody asked for.
const UPKEEP: Duration = Duration::from_secs(30);

/// Threads for the engine beyond the calls it may run at once: for health checks and signals.
const SPARE_THREADS: usize = 8;

pub fn run(arguments: &Serve) -> Result<ExitCode> {
    let config = Config::load(&arguments.flags())?;
    logs::start(&config)?;
    let db = world::open_database(&config.database, &config.database_options)?;
    prepare_schema(&db, &config.database, arguments.migrate)?;
    let engine = world::engine(&config, db)?;
    say_how_to_begin(&engine, &config)?;
    let runtime = runtime(&config)?;
    let listener = runtime.block_on(listen(&config))?;
    runtime.block_on(serve(listener, engine, &config, stop_signal()?))?;
    Ok(ExitCode::SUCCESS)
}

/// SQLite belongs to this one process, so it is migrated on the way; PostgreSQL only when somebody says so.
fn prepare_schema(db: &Database, url: &DatabaseUrl, migrate: bool) -> Result<()> {
    if migrate || url.sqlite_path().is_some() {
        let applied = super::migrate::apply(db)?;
        if !applied.is_empty() {
            tracing::info!(applied = applied.join(", "), "the schema was brought up to date");
        }
        return Ok(());
    }
    match db.check_schema().context("the schema is not one this program knows")? {
        SchemaState::Current => Ok(()),
        SchemaState::Pending(names) => bail!(
            "migrations are pending on {url}: {}. Run `neruba migrate --database <url>`, or start with --migrate.",
            names.join(", ")
        ),
    }
}

/// On an empty installation: how to make the first user. The secret works once; it is shown to whoever started the server
/// at a terminal, and never goes into a log.
fn say_how_to_begin(engine: &Engine, config: &Config) -> Result<()> {
    let Some(secret) = engine.setup_secret()? else { return Ok(()) };
    let (url, listen) = (&config.database, config.listen);
    tracing::warn!(
        "nobody can log in yet. Create the first user: \
         echo '<password>' | neruba admin create-user --email <email> --name <name> --password-stdin --database {url}"
    );
    if std::io::stdout().is_terminal() {
        println!(
            "\nCreate the first user, once, through the API:\n  \
               curl -X POST http://{listen}/auth/setup -H 'Content-Type: application/json' -d '{{ \
             \"secret\": \"{secret}\", \"email\": \"<email>\", \"name\": \"<name>\", \"password\": \"<password>\" }}'\n"
        );
    }
    Ok(())
}

pub fn runtime(config: &Config) -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(config.server.calls_max + SPARE_THREADS)
        .build()
        .context("cannot start the server's threads")
}

pub async fn listen(config: &Config) -> Result<TcpListener> {
    TcpListener::bind(config.listen).await.with_context(|| format!("cannot listen on {}", config.listen))
}

/// Serves until `stop` is ready, then drains requests, batcher and workers.
///
/// # Errors
/// When a worker cannot be started.
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    config: &Config,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    let workers = engine.start_workers()?;
    let metrics = install_metrics();
    if let Some(metrics) = metrics.clone() {
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(UPKEEP).await;
                metrics.run_upkeep();
            }
        });
    }
    let address = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
    let environment = match config.environment {
        Environment::Development => "development",
        Environment::Production => "production",
    };
    tracing::info!(environment, database = %config.database, "listening on http://{address}");
    server::serve::serve(listener, App::new(engine, config.server.clone(), metrics), stop).await;
    // What was accepted is stored before the process ends; nothing new can come in any more.
    tokio::task::spawn_blocking(move || workers.stop()).await.context("the workers did not stop cleanly")?;
    tracing::info!("stopped");
    Ok(())
}

/// Figures are for the whole process: a second server in it (there is none outside of tests) would have none.
fn install_metrics() -> Option<PrometheusHandle> {
    const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
    PrometheusBuilder::new().set_buckets(&SECONDS).ok()?.install_recorder().ok()
}

/// Ready when the process is asked to stop. A second signal is not waited for: the system's default then ends it.
pub fn stop_signal() -> Result<impl Future<Output = ()>> {
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let signals =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot listen for signals")?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            signals.block_on(async {
                let (Ok(mut terminate), Ok(mut interrupt)) =
                    (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
                else {
                    return;
                };
                tokio::select! {
                    _ = terminate.recv() => tracing::info!("stopping on SIGTERM"),
                    _ = interrupt.recv() => tracing::info!("stopping on SIGINT"),
                }
            });
            sender.send(()).ok();
        })
        .context("cannot listen for signals")?;
    Ok(async {
        receiver.await.ok();
    })
}
