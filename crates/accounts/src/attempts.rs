//! How often ways in may be tried, beside the password.

use std::net::IpAddr;

use crate::{
    ApiError,
    accounts::too_many,
    limit::{Limiter, Rate},
};

/// Letters that one address asks for.
const FORGOT_FROM: Rate = Rate::new(10, 120_000);
/// Letters that one address asks for, for one mail address: fewer than that one gets of all, so that whoever asks for another's leaves
/// some to its owner.
const FORGOT_BY: Rate = Rate::new(3, 600_000);
/// Letters for one mail address, whoever asks.
const FORGOT_FOR: Rate = Rate::new(6, 180_000);
/// Letters that ask whether an address is somebody's, to that address.
const CONFIRM_AT: Rate = Rate::new(4, 600_000);
/// Such letters by the account that has them sent, wherever they go.
const CONFIRM_BY: Rate = Rate::new(5, 1_200_000);
/// Challenges that one address asks for.
const CHALLENGES: Rate = Rate::new(60, 2_000);

/// Counts what is asked for.
#[derive(Debug)]
pub(crate) struct Attempts {
    forgot_from: Limiter,
    forgot_by: Limiter,
    forgot_for: Limiter,
    confirm_at: Limiter,
    confirm_by: Limiter,
    challenges: Limiter,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            forgot_from: Limiter::of(FORGOT_FROM),
            forgot_by: Limiter::of(FORGOT_BY),
            forgot_for: Limiter::of(FORGOT_FOR),
            confirm_at: Limiter::of(CONFIRM_AT),
            confirm_by: Limiter::of(CONFIRM_BY),
            challenges: Limiter::of(CHALLENGES),
        }
    }
}

/// All limits on what lets somebody in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tries<'a> {
    letters: &'a Attempts,
    /// Challenges by who asks.
    pub(crate) challenges: &'a Limiter,
    /// Wrong passwords of one account.
    pub(crate) sign_ins: &'a Limiter,
    by_address: &'a Limiter,
}

impl<'a> Tries<'a> {
    pub(crate) fn new(attempts: &'a Attempts, sign_ins: &'a Limiter, by_address: &'a Limiter) -> Self {
        Self { letters: attempts, challenges: &attempts.challenges, sign_ins, by_address }
    }

    /// Counts a letter for whoever forgot the password of the account with an address.
    pub(crate) fn forgot(&self, from: IpAddr, email: &str, now_ms: i64) -> Result<(), ApiError> {
        let Attempts { forgot_from, forgot_by, forgot_for, .. } = self.letters;
        forgot_from.attempt(from, now_ms).map_err(too_many)?;
        forgot_by.attempt((from, email), now_ms).map_err(too_many)?;
        forgot_for.attempt(email, now_ms).map_err(too_many)
    }

    /// Counts a letter that an account has sent to an address nobody confirmed.
    pub(crate) fn confirm(&self, account: &str, email: &str, now_ms: i64) -> Result<(), ApiError> {
        self.letters.confirm_by.attempt(account, now_ms).map_err(too_many)?;
        self.confirm_at(email, now_ms)
    }

    /// As [`Tries::confirm`], of an account that there was not before.
    pub(crate) fn confirm_at(&self, email: &str, now_ms: i64) -> Result<(), ApiError> {
        self.letters.confirm_at.attempt(email, now_ms).map_err(too_many)
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
