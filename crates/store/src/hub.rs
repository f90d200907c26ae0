//! Who waits for what: printers that are connected are told the moment something waits for them.
//!
//! A ring says that there may be something, never what: whoever is told asks the database.

pub(crate) mod wire;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::live::Live;
use crate::random;

const SHARDS: usize = 64;

/// What rang.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rings {
    /// Counts up when jobs wait.
    pub(crate) jobs: u32,
    /// Counts up when someone asks to stop a job.
    pub(crate) cancels: u32,
}

type Shard = HashMap<Arc<str>, Arc<Bell>>;

/// The bells of all printers that wait. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hub(Arc<Inner>);

struct Inner {
    /// Tells its own rings from those of other stores on the same database.
    name: String,
    seed: RandomState,
    closed: AtomicBool,
    shards: Vec<Mutex<Shard>>,
    live: Live,
}

/// Small, because there is one for each of ten thousand printers.
#[derive(Default)]
struct Bell {
    jobs: AtomicU32,
    cancels: AtomicU32,
    heard: Notify,
}

/// One waiting printer; its bell is forgotten when the last one that waits for it is dropped.
pub(crate) struct Waiting {
    hub: Hub,
    printer: Arc<str>,
    bell: Arc<Bell>,
    seen: Rings,
}

impl Hub {
    /// Of printers that belong to the people of `live`.
    pub(crate) fn new(live: Live) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let name = random::bytes::<8>().map(hex::encode).unwrap_or_default();
        Self(Arc::new(Inner { name, seed: RandomState::new(), closed: false.into(), shards, live }))
    }

    /// The pages of the people.
    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }

    /// Whether the printer is connected to this process.
    pub(crate) fn is_waiting(&self, printer: &str) -> bool {
        self.shard(printer).contains_key(printer)
    }

    /// Starts to wait; rings from now on are heard.
    pub(crate) fn wait(&self, printer: &str) -> Waiting {
        let mut shard = self.shard(printer);
        let known = shard.get_key_value(printer).map(|(printer, bell)| (printer.clone(), bell.clone()));
        let (printer, bell) = known.unwrap_or_else(|| {
            let (printer, bell) = (Arc::<str>::from(printer), Arc::<Bell>::default());
            shard.insert(printer.clone(), bell.clone());
            (printer, bell)
        });
        drop(shard);
        Waiting { hub: self.clone(), seen: bell.rings(), printer, bell }
    }

    /// Tells a printer that a job waits.
    pub(crate) fn ring_jobs(&self, printer: &str) {
        self.ring(printer, |bell| &bell.jobs);
    }

    /// Tells a printer that a job is to be stopped.
    pub(crate) fn ring_cancels(&self, printer: &str) {
        self.ring(printer, |bell| &bell.cancels);
    }

    /// Ends all waits: the store stops.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        for shard in &self.0.shards {
            for bell in shard.lock().unwrap_or_else(PoisonError::into_inner).values() {
                bell.heard.notify_waiters();
            }
        }
    }

    fn ring(&self, printer: &str, counter: impl FnOnce(&Bell) -> &AtomicU32) {
        if let Some(bell) = self.shard(printer).get(printer) {
            counter(bell).fetch_add(1, Ordering::Release);
            bell.heard.notify_waiters();
        }
    }

    fn shard(&self, printer: impl Hash) -> MutexGuard<'_, Shard> {
        let shard = self.0.seed.hash_one(printer) % (SHARDS as u64);
        self.0.shards[shard as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bell {
    fn rings(&self) -> Rings {
        Rings { jobs: self.jobs.load(Ordering::Acquire), cancels: self.cancels.load(Ordering::Acquire) }
    }
}

impl Waiting {
    /// Waits for the next ring and says what rang in all; `None` when the store stops.
    pub(crate) async fn ring(&mut self) -> Option<Rings> {
        loop {
            // Listening begins before looking, so that no ring falls between the two.
            let heard = self.bell.heard.notified();
            let rings = self.bell.rings();
            if rings != self.seen {
                self.seen = rings;
                return Some(rings);
            }
            if self.hub.0.closed.load(Ordering::Acquire) {
                return None;
            }
            heard.await;
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut shard = self.hub.shard(&*self.printer);
        // One is the map's and one is this: bells are cloned under the lock only.
        if Arc::strong_count(&self.bell) == 2 {
            shard.remove(&self.printer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_ring_between_two_waits_is_heard() {
        let hub = Hub::new(Live::default());
        let mut waiting = hub.wait("p_1");
        hub.ring_jobs("p_1");
        hub.ring_jobs("p_1");
        assert_eq!(waiting.ring().await, Some(Rings { jobs: 2, cancels: 0 }));
        hub.ring_cancels("p_2");
        hub.ring_cancels("p_1");
        assert_eq!(waiting.ring().await, Some(Rings { jobs: 2, cancels: 1 }));
    }

    #[test]
    fn bells_of_printers_that_went_are_forgotten() {
        let hub = Hub::new(Live::default());
        let (one, two) = (hub.wait("p_1"), hub.wait("p_1"));
        drop(one);
        assert_eq!(hub.shard("p_1").len(), 1);
        drop(two);
        assert_eq!(hub.shard("p_1").len(), 0);
    }
}
