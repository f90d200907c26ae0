//! How often ways in may be tried, beside the password.

use std::net::IpAddr;

use crate::{
    ApiError,
    accounts::too_many,
    limit::{Limiter, Rate},
};

/// Letters that one address asks for.
const FORGOT_FROM: Rate = Rate::new(10, 120_000);
/// Letters for one mail address.
const FORGOT_FOR: Rate = Rate::new(4, 600_000);
/// Challenges that one address asks for.
const CHALLENGES: Rate = Rate::new(60, 2_000);

/// Counts what is asked for.
#[derive(Debug)]
pub(crate) struct Attempts {
    forgot_from: Limiter,
    forgot_for: Limiter,
    challenges: Limiter,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            forgot_from: Limiter::of(FORGOT_FROM),
            forgot_for: Limiter::of(FORGOT_FOR),
            challenges: Limiter::of(CHALLENGES),
        }
    }
}

/// All limits on what lets somebody in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tries<'a> {
    /// Letters by who asks.
    pub(crate) forgot_from: &'a Limiter,
    /// Letters by whom they go to.
    pub(crate) forgot_for: &'a Limiter,
    /// Challenges by who asks.
    pub(crate) challenges: &'a Limiter,
    /// Wrong passwords of one account.
    pub(crate) sign_ins: &'a Limiter,
    by_address: &'a Limiter,
}

impl<'a> Tries<'a> {
    pub(crate) fn new(attempts: &'a Attempts, sign_ins: &'a Limiter, by_address: &'a Limiter) -> Self {
        Self {
            forgot_from: &attempts.forgot_from,
            forgot_for: &attempts.forgot_for,
            challenges: &attempts.challenges,
            sign_ins,
            by_address,
        }
    }

    /// Counts a link, passkey or wallet that may be a guess.
    pub(crate) fn guesses(&self, from: IpAddr, now_ms: i64) -> Result<(), ApiError> {
        self.by_address.attempt(from, now_ms).map_err(too_many)
    }

    /// It was none.
    pub(crate) fn no_guess(&self, from: IpAddr) {
        self.by_address.refund(from);
    }
}
