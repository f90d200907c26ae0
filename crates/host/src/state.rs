//! What a plugin's store holds for its host, and when the host does no more for it.

use std::time::Duration;

use wasmi::StoreLimits;
use wasmi::errors::HostError;

use crate::Environment;

/// What a plugin's store holds for its host.
pub(crate) struct State<E> {
    pub(crate) environment: E,
    pub(crate) limiter: StoreLimits,
    /// By the environment's clock.
    pub(crate) deadline: Duration,
    /// Units of work that it may owe, beyond the fuel it holds.
    pub(crate) credit: u64,
    /// Units of work that its host did, and it could not pay at once.
    pub(crate) owed: u64,
    /// Bytes of log that were shown since the call began.
    pub(crate) logged: usize,
}

/// Why a host function did not do what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("it has no work left to pay with")]
    OutOfFuel,
    #[error("its time is over")]
    Timeout,
}

impl HostError for Refusal {}

impl<E: Environment> State<E> {
    pub(crate) fn new(environment: E, limiter: StoreLimits) -> Self {
        Self { environment, limiter, deadline: Duration::MAX, credit: 0, owed: 0, logged: 0 }
    }

    /// Whether there is time left.
    pub(crate) fn in_time(&self) -> Result<(), Refusal> {
        if self.environment.elapsed() < self.deadline { Ok(()) } else { Err(Refusal::Timeout) }
    }

    /// Adds to what it owes, as far as its credit goes.
    pub(crate) fn owe(&mut self, units: u64) -> Result<(), Refusal> {
        self.credit = self.credit.checked_sub(units).ok_or(Refusal::OutOfFuel)?;
        self.owed += units;
        Ok(())
    }
}
