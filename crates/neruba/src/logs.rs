//! The log: one line per event on standard error, as text for people or JSON for machines. It never holds a secret.

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Starts the log of this process. Panics are logged too, with their place.
///
/// # Errors
/// A filter that cannot be read.
pub fn start(config: &Config) -> Result<()> {
    let filter = EnvFilter::try_new(&config.log_filter).context(config.values.origin_of("logFilter"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        let words = panic.payload_as_str().unwrap_or("without words");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked: {words}");
    }));
    Ok(())
}
