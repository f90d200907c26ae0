//! The log: standard error (the journal), and a file where one is configured. Never secrets.

use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tracing::{Level, Metadata};
use tracing_subscriber::{Layer, filter::filter_fn, fmt, layer::SubscriberExt, util::SubscriberInitExt};

static DEBUG: AtomicBool = AtomicBool::new(false);

/// Starts logging. A file that cannot be opened is told on standard error and left out.
pub fn start(file: Option<&Path>, debug: bool) {
    set_debug(debug);
    let opened = file.map(|path| {
        OpenOptions::new().create(true).append(true).mode(0o640).open(path).map_err(|error| (path, error))
    });
    let (to_file, failed) = match opened {
        Some(Ok(file)) => {
            (Some(fmt::layer().with_ansi(false).with_target(false).with_writer(Mutex::new(file))), None)
        }
        Some(Err(failed)) => (None, Some(failed)),
        None => (None, None),
    };
    let to_stderr = fmt::layer().with_ansi(false).with_target(false).with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(to_stderr.with_filter(filter_fn(wanted)))
        .with(to_file.map(|layer| layer.with_filter(filter_fn(wanted))))
        .init();
    if let Some((path, error)) = failed {
        tracing::warn!(path = %path.display(), %error, "no log file");
    }
}

/// More or less detail from now on.
pub fn set_debug(debug: bool) {
    DEBUG.store(debug, Ordering::Relaxed);
}

/// Libraries are heard from warnings on: what they say in detail can hold headers.
fn wanted(metadata: &Metadata<'_>) -> bool {
    let ours = metadata.target().starts_with("sealpost");
    let most = match (ours, DEBUG.load(Ordering::Relaxed)) {
        (true, true) => Level::DEBUG,
        (true, false) => Level::INFO,
        (false, _) => Level::WARN,
    };
    *metadata.level() <= most
}
