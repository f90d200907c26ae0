//! From where somebody was signed in lately, in constant memory.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::{Mutex, PoisonError},
};

const PLACES: usize = 1 << 14;

/// Remembers the newest ones. Which place forgets which, nobody outside can compute.
#[derive(Debug)]
pub(crate) struct Familiar {
    seed: RandomState,
    places: Mutex<Box<[u64]>>,
}

impl Default for Familiar {
    fn default() -> Self {
        Self { seed: RandomState::new(), places: Mutex::new(vec![0; PLACES].into_boxed_slice()) }
    }
}

impl Familiar {
    pub(crate) fn knows(&self, key: impl Hash) -> bool {
        let hash = self.hash(key);
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places[hash as usize % PLACES] == hash
    }

    pub(crate) fn remember(&self, key: impl Hash) {
        let hash = self.hash(key);
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places[hash as usize % PLACES] = hash;
    }

    /// Never that of an empty place.
    fn hash(&self, key: impl Hash) -> u64 {
        self.seed.hash_one(key) | 1 << 63
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_known_and_nothing_else() {
        let familiar = Familiar::default();
        assert!((0..10_000).all(|number| !familiar.knows(("ann", number))));
        familiar.remember(("ann", 1));
        assert!(familiar.knows(("ann", 1)));
        assert!(!familiar.knows(("bob", 1)) && !familiar.knows(("ann", 2)));
    }
}
