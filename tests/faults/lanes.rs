//! Several stages side by side, which take their work from one list until it is empty or the time is over.

use std::collections::VecDeque;
use std::env;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use tokio::runtime;

/// How many stages stand side by side where nobody says.
const LANES: u64 = 2;

/// What is to be played; nothing is begun after the end.
pub(crate) struct Work<T> {
    rest: Mutex<VecDeque<T>>,
    end: Option<Instant>,
}

impl<T> Work<T> {
    pub(crate) fn new(rest: impl IntoIterator<Item = T>, seconds: Option<u64>) -> Self {
        let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        Self { rest: Mutex::new(rest.into_iter().collect()), end }
    }

    /// The next piece.
    pub(crate) fn next(&self) -> Option<T> {
        if self.end.is_some_and(|end| Instant::now() >= end) {
            return None;
        }
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// What nobody took.
    pub(crate) fn left(self) -> VecDeque<T> {
        self.rest.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a lane as often as was asked for, each in a thread with a runtime of its own.
pub(crate) fn side_by_side<F, L>(lane: F) -> Result<()>
where
    F: Fn() -> L + Sync,
    L: Future<Output = Result<()>>,
{
    let count = number("SEALPOST_FAULTS_LANES")?.unwrap_or(LANES);
    let run =
        || runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build()?.block_on(lane());
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..count).map(|_| scope.spawn(run)).collect();
        lanes.into_iter().try_for_each(|lane| lane.join().map_err(|_| anyhow!("a lane panicked"))?)
    })
}

/// A number that was given as an option.
pub(crate) fn number(name: &str) -> Result<Option<u64>> {
    env::var(name).ok().map(|text| text.parse().context(text)).transpose()
}

/// Also when the test passes: the figures are what is looked for.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
