//! Questions to the chain on behalf of strangers: each is asked once for all who want to know, and its answer kept for a moment.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::port::ChainFault;

/// How long an answer serves.
const LIFE_MS: i64 = 4_000;
/// How long a failure serves: so many people cannot hammer endpoints that are ill.
const FAULT_LIFE_MS: i64 = 1_000;
/// Answers kept at most.
const MOST: usize = 2_048;

type Answer<V> = Result<V, ChainFault>;

/// Answers by question.
#[derive(Debug)]
pub(crate) struct Asked<K, V>(Mutex<HashMap<K, Kept<V>>>);

#[derive(Debug)]
struct Kept<V> {
    at: i64,
    cell: Arc<OnceCell<Answer<V>>>,
}

impl<K, V> Default for Asked<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Asked<K, V> {
    /// Whether an answer is kept or on its way.
    pub(crate) fn knows(&self, key: &K, now_ms: i64) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).is_some_and(|kept| kept.serves(now_ms))
    }

    /// The answer to a question, by `ask` unless there is one.
    pub(crate) async fn answer(
        &self,
        key: K,
        now_ms: i64,
        ask: impl Future<Output = Answer<V>>,
    ) -> Answer<V> {
        let cell = self.cell(key, now_ms);
        // Whoever goes away while asking leaves it to the next one who waits.
        cell.get_or_init(|| ask).await.clone()
    }

    fn cell(&self, key: K, now_ms: i64) -> Arc<OnceCell<Answer<V>>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept.get(&key).filter(|kept| kept.serves(now_ms)) {
            return found.cell.clone();
        }
        if kept.len() >= MOST {
            kept.retain(|_, kept| kept.serves(now_ms));
        }
        if kept.len() >= MOST {
            kept.clear();
        }
        let cell = Arc::new(OnceCell::new());
        kept.insert(key, Kept { at: now_ms, cell: cell.clone() });
        cell
    }
}

impl<V> Kept<V> {
    fn serves(&self, now_ms: i64) -> bool {
        let life = match self.cell.get() {
            // Asked at this moment, by somebody who waits.
            None => return true,
            Some(Ok(_)) => LIFE_MS,
            Some(Err(_)) => FAULT_LIFE_MS,
        };
        (0..life).contains(&(now_ms - self.at))
    }
}
