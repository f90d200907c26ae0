//! Who waits for what: printers that are connected are told the moment something waits for them.
//!
//! A ring says that there may be something, never what: whoever is told asks the database.

pub(crate) mod wire;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

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

type Shard = Mutex<HashMap<String, watch::Sender<Rings>>>;

/// The bells of all printers that wait. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hub(Arc<Inner>);

struct Inner {
    /// Tells its own rings from those of other stores on the same database.
    name: String,
    seed: RandomState,
    shards: Vec<Shard>,
}

/// One waiting printer; forgotten when the last one of it is dropped.
pub(crate) struct Waiting {
    hub: Hub,
    printer: String,
    bell: Option<watch::Receiver<Rings>>,
}

impl Hub {
    /// Starts to wait; rings from now on are heard.
    pub(crate) fn wait(&self, printer: &str) -> Waiting {
        let mut shard = self.shard(printer).lock().unwrap_or_else(PoisonError::into_inner);
        let bell = match shard.get(printer) {
            Some(sender) => sender.subscribe(),
            None => {
                let (sender, bell) = watch::channel(Rings::default());
                shard.insert(printer.to_owned(), sender);
                bell
            }
        };
        Waiting { hub: self.clone(), printer: printer.to_owned(), bell: Some(bell) }
    }

    /// Tells a printer that a job waits.
    pub(crate) fn ring_jobs(&self, printer: &str) {
        self.ring(printer, |rings| rings.jobs = rings.jobs.wrapping_add(1));
    }

    /// Tells a printer that a job is to be stopped.
    pub(crate) fn ring_cancels(&self, printer: &str) {
        self.ring(printer, |rings| rings.cancels = rings.cancels.wrapping_add(1));
    }

    /// Ends all waits: the store stops.
    pub(crate) fn close(&self) {
        for shard in &self.0.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    fn ring(&self, printer: &str, change: impl FnOnce(&mut Rings)) {
        let shard = self.shard(printer).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = shard.get(printer) {
            sender.send_modify(change);
        }
    }

    fn shard(&self, printer: impl Hash) -> &Shard {
        let shard = self.0.seed.hash_one(printer) % (SHARDS as u64);
        &self.0.shards[shard as usize]
    }
}

impl Default for Hub {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let name = random::bytes::<8>().map(hex::encode).unwrap_or_default();
        Self(Arc::new(Inner { name, seed: RandomState::new(), shards }))
    }
}

impl Waiting {
    /// Waits for the next ring and says what rang in all; `None` when the store stops.
    pub(crate) async fn ring(&mut self) -> Option<Rings> {
        let bell = self.bell.as_mut()?;
        bell.changed().await.ok()?;
        Some(*bell.borrow_and_update())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.bell = None;
        let mut shard = self.hub.shard(&self.printer).lock().unwrap_or_else(PoisonError::into_inner);
        if shard.get(&self.printer).is_some_and(|sender| sender.receiver_count() == 0) {
            shard.remove(&self.printer);
        }
    }
}
