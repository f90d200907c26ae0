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
/// An answer and when it came; nothing while somebody asks.
type Slot<V> = Arc<OnceCell<(i64, Answer<V>)>>;

/// Answers by question.
#[derive(Debug)]
pub(crate) struct Asked<K, V>(Mutex<HashMap<K, Slot<V>>>);

impl<K, V> Default for Asked<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Asked<K, V> {
    /// Whether an answer is kept or on its way.
    pub(crate) fn knows(&self, key: &K, now_ms: i64) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).is_some_and(|slot| serves(slot, now_ms))
    }

    /// The answer to a question, by `ask` unless there is one.
    pub(crate) async fn answer(
        &self,
        key: K,
        now_ms: impl Fn() -> i64,
        ask: impl Future<Output = Answer<V>>,
    ) -> Answer<V> {
        let slot = self.slot(key, now_ms());
        // Whoever goes away while asking leaves it to the next one who waits.
        let kept = slot.get_or_init(async || {
            let answer = ask.await;
            (now_ms(), answer)
        });
        kept.await.1.clone()
    }

    fn slot(&self, key: K, now_ms: i64) -> Slot<V> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept.get(&key).filter(|slot| serves(slot, now_ms)) {
            return found.clone();
        }
        if kept.len() >= MOST {
            kept.retain(|_, slot| serves(slot, now_ms));
        }
        if kept.len() >= MOST {
            kept.clear();
        }
        let slot = Slot::default();
        kept.insert(key, slot.clone());
        slot
    }
}

fn serves<V>(slot: &Slot<V>, now_ms: i64) -> bool {
    match slot.get() {
        // Asked at this moment, by somebody who waits.
        None => true,
        Some((at, Ok(_))) => (0..LIFE_MS).contains(&(now_ms - at)),
        Some((at, Err(_))) => (0..FAULT_LIFE_MS).contains(&(now_ms - at)),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;

    use futures::poll;
    use tokio::sync::Notify;

    use super::*;

    fn ill() -> ChainFault {
        ChainFault::Unreachable("nobody answers".to_owned())
    }

    #[tokio::test]
    async fn a_question_under_way_is_asked_once_for_all_who_wait_however_long_it_takes() {
        let (asked, rings, count) = (Asked::<u8, u8>::default(), Notify::new(), Cell::new(0));
        let ask = async || {
            count.set(count.get() + 1);
            rings.notified().await;
            Ok(7)
        };
        let mut first = pin!(asked.answer(1, || 0, ask()));
        let mut second = pin!(asked.answer(1, || LIFE_MS * 10, ask()));
        assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
        rings.notify_one();
        assert_eq!((first.await, second.await), (Ok(7), Ok(7)));
        assert_eq!(count.get(), 1);
    }

    #[tokio::test]
    async fn whoever_goes_away_while_asking_leaves_the_others_their_answer() {
        let asked = Asked::<u8, u8>::default();
        let mut gone = Box::pin(asked.answer(1, || 0, std::future::pending()));
        let mut waits = pin!(asked.answer(1, || 0, async { Ok(7) }));
        assert!(poll!(&mut gone).is_pending() && poll!(&mut waits).is_pending());
        drop(gone);
        assert_eq!(waits.await, Ok(7));
    }

    #[tokio::test]
    async fn answers_serve_for_a_moment_and_failures_for_a_shorter_one() {
        let asked = Asked::<u8, u8>::default();
        assert_eq!(asked.answer(1, || 0, async { Ok(1) }).await, Ok(1));
        assert_eq!(asked.answer(1, || LIFE_MS - 1, async { Ok(2) }).await, Ok(1));
        assert_eq!(asked.answer(1, || LIFE_MS, async { Err(ill()) }).await, Err(ill()));
        let soon = LIFE_MS + FAULT_LIFE_MS;
        assert_eq!(asked.answer(1, || soon - 1, async { Ok(3) }).await, Err(ill()));
        assert_eq!(asked.answer(1, || soon, async { Ok(4) }).await, Ok(4));
        // A clock that was put back serves nothing old for ever.
        assert_eq!(asked.answer(1, || 0, async { Ok(5) }).await, Ok(5));
        assert_eq!(asked.answer(2, || 0, async { Ok(6) }).await, Ok(6));
    }

    #[tokio::test]
    async fn an_answer_that_was_long_in_coming_serves_from_when_it_came() {
        let (asked, clock) = (Asked::<u8, u8>::default(), Cell::new(0));
        let slow = async {
            clock.set(60_000);
            Err(ill())
        };
        assert_eq!(asked.answer(1, || clock.get(), slow).await, Err(ill()));
        assert_eq!(asked.answer(1, || clock.get(), async { Ok(1) }).await, Err(ill()));
        clock.set(60_000 + FAULT_LIFE_MS);
        assert_eq!(asked.answer(1, || clock.get(), async { Ok(2) }).await, Ok(2));
    }

    #[tokio::test]
    async fn whatever_is_asked_the_answers_kept_are_limited() {
        let asked = Asked::<usize, u8>::default();
        for key in 0..3 * MOST {
            asked.answer(key, || 0, async { Ok(0) }).await.unwrap();
            assert!(asked.0.lock().unwrap().len() <= MOST);
        }
    }
}
