//! Work and time, counted while a plugin runs.
//!
//! A plugin gets its fuel in slices. At the end of one it stands still, the clock is looked at, and it is resumed with the next:
//! an endless loop ends at its time whatever it does, without threads or signals.

use wasmi::{Error, Func, ResumableCall, Store, TrapCode, Val};

use crate::state::{Refusal, State};
use crate::{Environment, HostError, Limits};

/// Units of work between two looks at the clock: about a hundredth of a second.
const SLICE: u64 = 2_000_000;
/// Units for a start function, which can neither be resumed nor be given more on the way.
const START: u64 = 50_000_000;

/// What is left of a call's limits.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    fuel: u64,
    /// What of it the plugin holds now.
    granted: u64,
}

/// Why a plugin stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It went past a limit.
    Limit(HostError),
    /// It broke a rule, or its host could not serve it.
    Trap(String),
}

impl Meter {
    pub(crate) fn begin<E: Environment>(limits: &Limits, store: &mut Store<State<E>>) -> Self {
        let state = store.data_mut();
        state.deadline = state.environment.elapsed().saturating_add(limits.time);
        state.logged = 0;
        Self { limits: *limits, fuel: limits.fuel, granted: 0 }
    }

    /// Runs a function to its end, or to that of its limits.
    pub(crate) fn run<E: Environment>(
        &mut self,
        store: &mut Store<State<E>>,
        function: Func,
        arguments: &[Val],
        results: &mut [Val],
    ) -> Result<(), Stop> {
        self.grant(store, SLICE, u64::MAX)?;
        let mut outcome = function.call_resumable(&mut *store, arguments, results);
        loop {
            self.settle(store)?;
            match outcome {
                Ok(ResumableCall::Finished) => return Ok(()),
                Ok(ResumableCall::HostTrap(trap)) => return Err(self.stopped(&trap.into_host_error())),
                Ok(ResumableCall::OutOfFuel(paused)) => {
                    self.look_at_the_clock(store)?;
                    let needed = paused.required_fuel();
                    if needed > self.fuel {
                        return Err(self.out_of_fuel());
                    }
                    self.grant(store, SLICE.max(needed), u64::MAX)?;
                    outcome = paused.resume(&mut *store, results);
                }
                Err(error) => return Err(self.stopped(&error)),
            }
        }
    }

    /// Lets `work`, which cannot be resumed, run what a start function may.
    pub(crate) fn start<E: Environment, T>(
        &mut self,
        store: &mut Store<State<E>>,
        work: impl FnOnce(&mut Store<State<E>>) -> Result<T, Error>,
    ) -> Result<Result<T, Error>, Stop> {
        self.grant(store, START, 0)?;
        let outcome = work(store);
        self.settle(store)?;
        self.look_at_the_clock(store)?;
        Ok(outcome)
    }

    /// What an error of the WebAssembly library means.
    pub(crate) fn stopped(&self, error: &Error) -> Stop {
        match (error.as_trap_code(), error.downcast_ref()) {
            // Only what cannot be resumed ends so: the start.
            (Some(TrapCode::OutOfFuel), _) => {
                Stop::Limit(HostError::OutOfFuel { fuel: self.limits.fuel.min(START) })
            }
            (_, Some(Refusal::OutOfFuel)) => self.out_of_fuel(),
            (_, Some(Refusal::Timeout)) => self.timeout(),
            _ => Stop::Trap(error.to_string()),
        }
    }

    /// What of the rest the plugin may owe for its host's work is up to `credit`.
    fn grant<E: Environment>(
        &mut self,
        store: &mut Store<State<E>>,
        wanted: u64,
        credit: u64,
    ) -> Result<(), Stop> {
        self.granted = wanted.min(self.fuel);
        if self.granted == 0 {
            return Err(self.out_of_fuel());
        }
        store.data_mut().credit = credit.min(self.fuel - self.granted);
        store.set_fuel(self.granted).map_err(|error| self.stopped(&error))
    }

    fn settle<E: Environment>(&mut self, store: &mut Store<State<E>>) -> Result<(), Stop> {
        let left = store.get_fuel().map_err(|error| self.stopped(&error))?;
        let owed = std::mem::take(&mut store.data_mut().owed);
        self.fuel = self.fuel.saturating_sub(self.granted.saturating_sub(left)).saturating_sub(owed);
        self.granted = 0;
        Ok(())
    }

    fn look_at_the_clock<E: Environment>(&self, store: &Store<State<E>>) -> Result<(), Stop> {
        store.data().in_time().map_err(|_late| self.timeout())
    }

    fn timeout(&self) -> Stop {
        Stop::Limit(HostError::Timeout { seconds: self.limits.time.as_secs() })
    }

    fn out_of_fuel(&self) -> Stop {
        Stop::Limit(HostError::OutOfFuel { fuel: self.limits.fuel })
    }
}

impl Stop {
    /// As an error of the function it happened in.
    pub(crate) fn within(self, name: &str) -> HostError {
        match self {
            Self::Limit(error) => error,
            Self::Trap(reason) => HostError::Trap { name: name.to_owned(), reason },
        }
    }
}
