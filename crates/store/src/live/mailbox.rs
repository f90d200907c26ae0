//! What one stream still has to send: of each job and printer once, and never more than so much.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::Topic;

const MOST_JOBS: usize = 2_048;
const MOST_PRINTERS: usize = 1_024;
const MOST_SAID: usize = 64;

/// What waits for one stream.
#[derive(Default)]
pub(super) struct Mailbox {
    waiting: Mutex<Waiting>,
    bell: Notify,
}

#[derive(Default)]
struct Waiting {
    jobs: BTreeSet<String>,
    printers: BTreeSet<String>,
    said: VecDeque<Topic>,
    missed: bool,
}

/// Some of what waits.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) jobs: Vec<String>,
    pub(super) printers: Vec<String>,
    /// Sales and notices, oldest first.
    pub(super) said: Vec<Topic>,
    /// There was more than is kept, or something was lost on its way.
    pub(super) missed: bool,
}

impl Mailbox {
    pub(super) fn put(&self, topic: &Topic) {
        let mut waiting = self.waiting();
        match topic {
            Topic::Job { id } => drop(waiting.jobs.insert(id.clone())),
            Topic::Printer { id } => drop(waiting.printers.insert(id.clone())),
            Topic::Sale { .. } | Topic::Notice { .. } if !waiting.said.contains(topic) => {
                waiting.said.push_back(topic.clone());
            }
            Topic::Sale { .. } | Topic::Notice { .. } => {}
        }
        if waiting.is_too_much() {
            *waiting = Waiting { missed: true, ..Waiting::default() };
        }
        drop(waiting);
        self.ring();
    }

    /// Whoever reads it has to ask for everything anew.
    pub(super) fn miss(&self) {
        self.waiting().missed = true;
        self.ring();
    }

    pub(super) fn ring(&self) {
        self.bell.notify_waiters();
    }

    pub(super) fn rung(&self) -> Notified<'_> {
        self.bell.notified()
    }

    pub(super) fn is_filled(&self) -> bool {
        let waiting = self.waiting();
        waiting.missed || !(waiting.jobs.is_empty() && waiting.printers.is_empty() && waiting.said.is_empty())
    }

    /// So many jobs and printers, and everything else; what waits besides is said by asking anew where something was missed.
    pub(super) fn take(&self, most: usize) -> Taken {
        let mut waiting = self.waiting();
        if waiting.missed {
            *waiting = Waiting::default();
            return Taken { missed: true, ..Taken::default() };
        }
        Taken {
            jobs: some(&mut waiting.jobs, most),
            printers: some(&mut waiting.printers, most),
            said: waiting.said.drain(..).collect(),
            missed: false,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_too_much(&self) -> bool {
        self.jobs.len() > MOST_JOBS || self.printers.len() > MOST_PRINTERS || self.said.len() > MOST_SAID
    }
}

fn some(of: &mut BTreeSet<String>, most: usize) -> Vec<String> {
    std::iter::from_fn(|| of.pop_first()).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: usize) -> Topic {
        Topic::Job { id: format!("j_{id}") }
    }

    #[test]
    fn what_is_told_often_waits_once() {
        let mailbox = Mailbox::default();
        for _ in 0..1_000 {
            mailbox.put(&job(1));
            mailbox.put(&Topic::Printer { id: "p_1".to_owned() });
            mailbox.put(&Topic::Notice { kind: "backup".to_owned(), about: None });
        }
        let taken = mailbox.take(9);
        assert_eq!((taken.jobs.len(), taken.printers.len(), taken.said.len()), (1, 1, 1));
        assert!(!mailbox.is_filled());
    }

    #[test]
    fn more_than_is_kept_is_asked_for_anew() {
        let mailbox = Mailbox::default();
        (0..=MOST_JOBS).for_each(|id| mailbox.put(&job(id)));
        assert_eq!(mailbox.take(9), Taken { missed: true, ..Taken::default() });
        mailbox.put(&job(1));
        assert_eq!(mailbox.take(9).jobs, ["j_1"]);
    }

    #[test]
    fn what_is_not_taken_stays() {
        let mailbox = Mailbox::default();
        (0..5).for_each(|id| mailbox.put(&job(id)));
        assert_eq!(mailbox.take(3).jobs.len(), 3);
        assert!(mailbox.is_filled());
        assert_eq!(mailbox.take(3).jobs.len(), 2);
    }
}
