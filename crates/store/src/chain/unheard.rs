//! Transactions that strangers ask for and nobody has heard of: since when, so that whoever waits in vain is told in the end.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sealpost_market::chain::ChainHash;

/// How long a transaction may be on its way.
const PATIENCE_MS: i64 = 600_000;
/// How long nobody may ask for it before that begins anew.
const FORGOTTEN_MS: i64 = 3_600_000;
/// Transactions kept at most.
const MOST: usize = 4_096;

/// When each was asked for first and last. Nothing depends on it but what people are told.
#[derive(Debug, Default)]
pub(crate) struct Unheard(Mutex<HashMap<ChainHash, (i64, i64)>>);

impl Unheard {
    /// Notes that somebody asks for it in vain; whether that has gone on for too long.
    pub(crate) fn is_unknown(&self, tx: ChainHash, now_ms: i64) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST && !kept.contains_key(&tx) {
            kept.retain(|_, (_, last)| now_ms - *last < FORGOTTEN_MS);
            if kept.len() >= MOST {
                kept.clear();
            }
        }
        let (first, last) = kept.entry(tx).or_insert((now_ms, now_ms));
        if now_ms - *last >= FORGOTTEN_MS {
            *first = now_ms;
        }
        *last = now_ms;
        now_ms - *first >= PATIENCE_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_in_vain_for_long_is_unknown_and_may_begin_anew() {
        let (unheard, tx) = (Unheard::default(), ChainHash::new([1; 32]));
        assert!(!unheard.is_unknown(tx, 0) && !unheard.is_unknown(tx, PATIENCE_MS - 1));
        assert!(unheard.is_unknown(tx, PATIENCE_MS));
        assert!(!unheard.is_unknown(tx, PATIENCE_MS + FORGOTTEN_MS));
    }

    #[test]
    fn whatever_is_asked_for_what_is_kept_is_limited() {
        let unheard = Unheard::default();
        for n in 0..3 * MOST {
            let mut tx = [0; 32];
            tx[..8].copy_from_slice(&n.to_be_bytes());
            unheard.is_unknown(ChainHash::new(tx), 0);
            assert!(unheard.0.lock().unwrap().len() <= MOST);
        }
    }
}
