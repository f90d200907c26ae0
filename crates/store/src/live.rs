//! What people are told while they look: the event stream of whoever is signed in.
//!
//! What is told says that something changed, and of what; what it is now is read when it is sent. So the newest state wins, a slow
//! page costs no more than a quick one, and nothing is sent that its reader may not see by then.

mod mailbox;
mod routes;
mod stream;
mod topic;
pub(crate) mod wire;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sealpost_database::Tx;

use self::mailbox::Mailbox;
use self::wire::Outgoing;
use crate::fault::Result;
use crate::random;

pub(crate) use routes::router;
pub(crate) use topic::Topic;

/// Streams that one account has at one process at the same time.
const MOST_OF_ONE: usize = 32;

/// Everybody who listens at this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Live(Arc<Inner>);

struct Inner {
    /// Tells its own words from those of other processes on the same database.
    name: String,
    closed: AtomicBool,
    rooms: Mutex<HashMap<Arc<str>, Vec<Arc<Mailbox>>>>,
    outgoing: Outgoing,
}

/// One stream's place; given back when dropped.
pub(crate) struct Seat {
    live: Live,
    account: Arc<str>,
    mailbox: Arc<Mailbox>,
}

impl Live {
    /// Tells an account's streams, here and at other processes; to be called when what it tells of is committed.
    pub(crate) fn tell(&self, account: &str, topic: Topic) {
        self.0.outgoing.put(account, &topic);
        self.tell_here(account, &topic);
    }

    /// As [`Live::tell`], once the transaction is committed: other processes hear of it even if this one is killed right then.
    pub(crate) async fn tell_with(&self, tx: &Tx, account: &str, topic: Topic) -> Result<()> {
        wire::tell(tx, self, account, &topic).await?;
        let (live, account) = (self.clone(), account.to_owned());
        tx.after_commit(move || live.tell_here(&account, &topic));
        Ok(())
    }

    /// A place to listen at; `None` where the account has too many.
    pub(crate) fn listen(&self, account: &str) -> Option<Seat> {
        let account: Arc<str> = account.into();
        let mailbox = Arc::<Mailbox>::default();
        let mut rooms = self.rooms();
        let room = rooms.entry(account.clone()).or_default();
        if room.len() >= MOST_OF_ONE {
            return None;
        }
        room.push(mailbox.clone());
        Some(Seat { live: self.clone(), account, mailbox })
    }

    /// Ends all streams: the store stops.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        self.each(Mailbox::ring);
    }

    fn tell_here(&self, account: &str, topic: &Topic) {
        for mailbox in self.rooms().get(account).into_iter().flatten() {
            mailbox.put(topic);
        }
    }

    /// Nobody knows what was told meanwhile: everybody asks anew.
    fn missed(&self) {
        self.each(Mailbox::miss);
    }

    fn each(&self, what: impl Fn(&Mailbox)) {
        self.rooms().values().flatten().for_each(|mailbox| what(mailbox));
    }

    fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<Arc<str>, Vec<Arc<Mailbox>>>> {
        self.0.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Live {
    fn default() -> Self {
        let name = random::bytes::<8>().map(hex::encode).unwrap_or_default();
        let rooms = Mutex::default();
        Self(Arc::new(Inner { name, closed: false.into(), rooms, outgoing: Outgoing::default() }))
    }
}

impl Seat {
    /// Waits until there is something; `false` when the store stops.
    async fn filled(&self) -> bool {
        loop {
            // Listening begins before looking, so that nothing falls between the two.
            let rung = self.mailbox.rung();
            if self.live.is_closed() {
                return false;
            }
            if self.mailbox.is_filled() {
                return true;
            }
            rung.await;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut rooms = self.live.rooms();
        if let Some(room) = rooms.get_mut(&self.account) {
            room.retain(|mailbox| !Arc::ptr_eq(mailbox, &self.mailbox));
            if room.is_empty() {
                rooms.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: &str) -> Topic {
        Topic::Job { id: id.to_owned() }
    }

    #[tokio::test]
    async fn what_is_told_reaches_every_stream_of_the_account_and_nobody_else() {
        let live = Live::default();
        let (one, two) = (live.listen("a_1").unwrap(), live.listen("a_1").unwrap());
        let other = live.listen("a_2").unwrap();
        live.tell("a_1", job("j_1"));
        for seat in [&one, &two] {
            assert!(seat.filled().await);
            assert_eq!(seat.mailbox.take(9).jobs, ["j_1"]);
        }
        assert!(!other.mailbox.is_filled());
        live.close();
        assert!(!other.filled().await, "the store stops");
    }

    #[test]
    fn an_account_has_so_many_streams_and_gives_them_back() {
        let live = Live::default();
        let mut seats: Vec<Seat> = std::iter::from_fn(|| live.listen("a_1")).collect();
        assert_eq!(seats.len(), MOST_OF_ONE);
        assert!(live.listen("a_2").is_some(), "they are not those of another account");
        seats.pop();
        assert!(live.listen("a_1").is_some());
        drop(seats);
        assert!(live.rooms().is_empty(), "rooms that everybody left are forgotten");
    }
}
