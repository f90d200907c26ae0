//! What a plugin may reach, and who serves it.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::Permission;

/// What the caller allows. A plugin gets it where its manifest asks for it too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imports {
    /// Host functions of the interface; none by default.
    pub allow: BTreeSet<Permission>,
}

impl Imports {
    /// Nothing at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }
}

impl FromIterator<Permission> for Imports {
    fn from_iter<I: IntoIterator<Item = Permission>>(allowed: I) -> Self {
        Self { allow: allowed.into_iter().collect() }
    }
}

/// The world outside: clocks, a log, randomness. The host asks for the rest only on behalf of a plugin that may have it.
pub trait Environment: 'static {
    /// Time since any fixed moment, never going back; for the time limit.
    fn elapsed(&self) -> Duration;

    /// A line of a plugin's log, without its end, of at most 16 KiB of the plugin's bytes. It is text from outside: nothing in it is to steer a terminal.
    fn log(&mut self, line: &str);

    /// Milliseconds since 1970.
    fn clock_ms(&mut self) -> f64;

    /// Fills it with unpredictable bytes.
    ///
    /// # Errors
    /// When there are none to be had; the plugin's call then fails.
    fn random(&mut self, bytes: &mut [u8]) -> Result<(), Unavailable>;
}

/// The environment could not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no randomness to be had")]
pub struct Unavailable;
