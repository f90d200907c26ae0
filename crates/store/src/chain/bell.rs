//! What the watcher is woken by: somebody named a transaction that nobody named lately.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use sealpost_market::chain::ChainHash;
use tokio::sync::Notify;

/// Transactions remembered at least; twice as many at most.
const REMEMBERED: usize = 1_024;

/// Rings once for each transaction, however often it is named.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rings: Notify,
    /// Those named lately, and those before them.
    known: Mutex<[HashSet<ChainHash>; 2]>,
}

impl Bell {
    /// Somebody named a transaction that the store should look for.
    pub(crate) fn ring(&self, tx: ChainHash) {
        if self.is_new(tx) {
            self.rings.notify_one();
        }
    }

    /// Waits until it rings, or returns at once if it rang since the last time.
    pub(crate) async fn rung(&self) {
        self.rings.notified().await;
    }

    fn is_new(&self, tx: ChainHash) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.iter().any(|some| some.contains(&tx)) {
            return false;
        }
        let [lately, before] = &mut *known;
        if lately.len() >= REMEMBERED {
            *before = std::mem::take(lately);
        }
        lately.insert(tx)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::poll;
    use sealpost_market::chain::keccak256;

    use super::*;

    #[tokio::test]
    async fn it_rings_for_a_transaction_that_is_new_and_for_no_other() {
        let (bell, tx) = (Bell::default(), keccak256(b"a"));
        bell.ring(tx);
        assert!(poll!(pin!(bell.rung())).is_ready());
        bell.ring(tx);
        assert!(poll!(pin!(bell.rung())).is_pending());
        bell.ring(keccak256(b"b"));
        assert!(poll!(pin!(bell.rung())).is_ready());
    }

    #[test]
    fn whatever_is_named_what_is_remembered_is_limited() {
        let bell = Bell::default();
        for number in 0..10_000_u32 {
            bell.ring(keccak256(&number.to_be_bytes()));
            assert!(bell.known.lock().unwrap().iter().all(|some| some.len() <= REMEMBERED));
        }
        assert!(!bell.is_new(keccak256(&9_999_u32.to_be_bytes())));
    }
}
