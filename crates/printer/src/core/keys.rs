//! The store's key set: only newer ones signed by the pinned root are taken.

use sealpost_api::Problem;
use sealpost_envelope::{ErrorCode, KeySet, keyset};

use super::{Core, Effect, Now, Trouble, backoff::Backoff};

#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) wanted: bool,
    in_flight: bool,
    not_before: u64,
    backoff: Backoff,
}

impl Keys {
    pub(super) fn new(seed: u64) -> Self {
        Self { wanted: false, in_flight: false, not_before: 0, backoff: Backoff::new(2_000, 300_000, seed) }
    }
}

impl Core {
    pub(super) fn fetch_keys(&mut self, now: Now) -> Vec<Effect> {
        if !self.keys.wanted
            || self.keys.in_flight
            || now.mono < self.keys.not_before
            || !self.paired_and_trusted()
        {
            return Vec::new();
        }
        self.keys.in_flight = true;
        vec![Effect::FetchKeys]
    }

    pub(super) fn keys_fetched(&mut self, result: Result<String, Trouble>, now: Now) -> Vec<Effect> {
        self.keys.in_flight = false;
        let answered = result.is_ok();
        let outcome = match result {
            Ok(jws) => self.take_keys(jws, now).map_err(Trouble::Retry),
            Err(trouble) => Err(trouble),
        };
        let mut effects = match outcome {
            Ok(()) => {
                self.keys.wanted = false;
                self.keys.backoff.reset();
                self.clear_error("keys");
                vec![Effect::Save]
            }
            Err(Trouble::Unauthorized) => self.unauthorized(now),
            Err(trouble) => {
                self.keys.not_before = now.mono + self.keys.backoff.fail();
                self.note("keys", trouble, now);
                Vec::new()
            }
        };
        if answered {
            effects.extend(self.admit_again(now));
        }
        effects
    }

    pub(super) fn keys_wake(&self) -> u64 {
        let waits = self.keys.wanted && !self.keys.in_flight && self.paired_and_trusted();
        if waits { self.keys.not_before } else { u64::MAX }
    }

    /// The key set in force, checked against the pinned root every time it is used.
    pub(super) fn key_set(&self) -> Option<KeySet> {
        let pairing = self.document.pairing.as_ref()?;
        let root = keyset::public_key_from_hex(&pairing.root_key).ok()?;
        KeySet::verify(pairing.key_set.as_deref()?, &root, None).ok()
    }

    fn take_keys(&mut self, jws: String, now: Now) -> Result<(), Problem> {
        let Some(pairing) = self.document.pairing.as_mut() else { return Ok(()) };
        let refuse = |error: sealpost_envelope::KeySetError| {
            Problem::new(502, error.code(), "The store's key set was refused")
                .detail(error.to_string())
                .hint(error.hint())
        };
        let root = keyset::public_key_from_hex(&pairing.root_key).map_err(refuse)?;
        let known = pairing.key_set.is_some().then_some(pairing.key_set_version);
        if pairing.key_set.as_deref() == Some(jws.as_str()) {
            return Ok(());
        }
        let set = KeySet::verify(&jws, &root, known).map_err(refuse)?;
        pairing.key_set = Some(jws);
        pairing.key_set_version = set.version;
        self.raise_floor(set.iat, now);
        Ok(())
    }
}
