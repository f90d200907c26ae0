//! The token: renewed in time, re-issued by the identity key when the store no longer takes it.

use super::{Core, Effect, Now, TokenLife, Trouble, backoff::Backoff};

const DAY: u64 = 24 * 3600;
/// How long a token that just came is taken for good whatever the clock says, milliseconds.
const FRESH: u64 = 6 * 3_600_000;

#[derive(Clone, Debug)]
pub(super) struct Auth {
    pub(super) life: Option<TokenLife>,
    /// The store refused the token; nothing else is asked until there is a new one.
    pub(super) void: bool,
    in_flight: bool,
    not_before: u64,
    /// A token that just came is not looked at before this: where it seems to be over, it is this machine's clock that is wrong.
    fresh_until: u64,
    backoff: Backoff,
}

impl Auth {
    pub(super) fn new(life: Option<TokenLife>, seed: u64) -> Self {
        Self {
            life,
            void: false,
            in_flight: false,
            not_before: 0,
            fresh_until: 0,
            backoff: Backoff::new(5_000, 3_600_000, seed),
        }
    }
}

/// Less than seven days left, or more than four fifths used.
pub(super) fn is_due(life: TokenLife, now: u64) -> bool {
    let left = life.expires.saturating_sub(now);
    let whole = life.expires.saturating_sub(life.issued);
    left < (7 * DAY).min(whole / 2) || left < whole / 5
}

impl Core {
    pub(super) fn paired_and_trusted(&self) -> bool {
        self.document.pairing.is_some() && !self.auth.void
    }

    pub(super) fn unauthorized(&mut self, now: Now) -> Vec<Effect> {
        self.auth.void = true;
        self.renew(now)
    }

    pub(super) fn renew(&mut self, now: Now) -> Vec<Effect> {
        if self.document.pairing.is_none() || self.auth.in_flight || now.mono < self.auth.not_before {
            return Vec::new();
        }
        let wall = self.wall(now);
        let fresh = now.mono < self.auth.fresh_until;
        let effect = match self.auth.life {
            _ if self.auth.void => Effect::Reissue,
            None => Effect::Reissue,
            Some(_) if fresh => return Vec::new(),
            Some(life) if life.expires <= wall => Effect::Reissue,
            Some(life) if is_due(life, wall) => Effect::Refresh,
            Some(_) => return Vec::new(),
        };
        self.auth.in_flight = true;
        vec![effect]
    }

    pub(super) fn renewed(&mut self, result: Result<TokenLife, Trouble>, now: Now) -> Vec<Effect> {
        self.auth.in_flight = false;
        match result {
            Ok(life) => {
                self.auth.life = Some(life);
                self.auth.void = false;
                self.auth.not_before = 0;
                self.auth.fresh_until = now.mono + FRESH;
                self.auth.backoff.reset();
                self.clear_error("token");
                self.poll.wake(now);
                Vec::new()
            }
            Err(trouble) => {
                if trouble == Trouble::Unauthorized {
                    // A refresh by a token that is no longer taken: the identity key can still prove who we are.
                    self.auth.void = true;
                }
                self.auth.not_before = now.mono + self.auth.backoff.fail();
                self.note("token", trouble, now);
                Vec::new()
            }
        }
    }

    pub(super) fn auth_wake(&self, now: Now) -> u64 {
        if self.auth.in_flight || self.document.pairing.is_none() {
            return u64::MAX;
        }
        let Some(life) = self.auth.life else { return self.auth.not_before };
        if self.auth.void || is_due(life, self.wall(now)) {
            let fresh = if self.auth.void { 0 } else { self.auth.fresh_until };
            return self.auth.not_before.max(fresh);
        }
        now.mono + 3_600_000
    }
}
