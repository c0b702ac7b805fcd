//! What every handler holds: the engine, the settings, and the one bounded way from async into the synchronous engine.

use std::sync::Arc;

use domain::refusal::{Code, Refusal};
use engine::{Engine, Error};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;
use tracing::Span;

use crate::failure::Failure;
use crate::limits::RateLimits;
use crate::settings::Settings;

/// Cheap to clone; all clones are one server.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    settings: Settings,
    limits: RateLimits,
    metrics: Option<PrometheusHandle>,
    /// One permit per call that may be inside the engine at once.
    running: Arc<Semaphore>,
    /// One permit per call that may be inside the engine or waiting to get in.
    admitted: Arc<Semaphore>,
    /// One permit per call that may compute for long at once: there is room for all others.
    heavy: Arc<Semaphore>,
    /// One permit per such call that is computing or waiting to.
    heavy_admitted: Semaphore,
}

impl App {
    /// `metrics` renders `/metrics`; without it the page does not exist.
    pub fn new(engine: Engine, settings: Settings, metrics: Option<PrometheusHandle>) -> App {
        let limits = RateLimits::new(&settings.rates);
        let running = Arc::new(Semaphore::new(settings.calls_max));
        let admitted = Arc::new(Semaphore::new(settings.calls_max + settings.calls_waiting_max));
        let heavy = Arc::new(Semaphore::new(settings.heavy_calls_max));
        let heavy_admitted = Semaphore::new(settings.heavy_calls_max + settings.heavy_calls_waiting_max);
        let shared = Shared { engine, settings, limits, metrics, running, admitted, heavy, heavy_admitted };
        App { shared: Arc::new(shared) }
    }

    /// For what never blocks (the ingest queue, a new caller). Anything that reads or writes goes through [`App::run`].
    pub fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(crate) fn limits(&self) -> &RateLimits {
        &self.shared.limits
    }

    pub(crate) fn metrics(&self) -> Option<&PrometheusHandle> {
        self.shared.metrics.as_ref()
    }

    /// As [`App::run`], for work that keeps a core busy: few at once, and those that wait hold no thread.
    ///
    /// # Errors
    /// As [`App::run`].
    pub async fn run_heavy<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let overloaded = || Failure::from(Error::Overloaded { retry_after_seconds: 1 });
        let _admitted = self.shared.heavy_admitted.try_acquire().map_err(|_| overloaded())?;
        let permit = Arc::clone(&self.shared.heavy).acquire_owned().await.map_err(|_| overloaded())?;
        self.run(move |engine| {
            // Held by the thread, not by the request, as in `run`.
            let _permit = permit;
            work(engine)
        })
        .await
    }

    /// Calls the engine on a thread that may block. Calls beyond the limit wait; when too many wait, they are refused.
    ///
    /// # Errors
    /// What `work` answered; `overloaded` when the queue is full.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let overloaded = || Failure::from(Error::Overloaded { retry_after_seconds: 1 });
        let _admitted = Arc::clone(&self.shared.admitted).try_acquire_owned().map_err(|_| overloaded())?;
        let running = Arc::clone(&self.shared.running).acquire_owned().await.map_err(|_| overloaded())?;
        let (engine, span) = (self.shared.engine.clone(), Span::current());
        let call = tokio::task::spawn_blocking(move || {
            // Held by the thread, not by the request: a caller who hung up does not make room for one more.
            let _running = running;
            span.in_scope(|| work(&engine))
        });
        match call.await {
            Ok(result) => result.map_err(Failure::from),
            Err(stopped) if stopped.is_panic() => Err(Error::Bug(format!("the engine panicked: {stopped}")).into()),
            Err(_) => Err(Refusal::new(Code::Unavailable, "The server is stopping. Send the request again.").into()),
        }
    }
}
