//! Whose turn it is: places are few, and whoever is slow, fails or has much to tell leaves some to others.
//!
//! Each process shares its own places out. Endpoints come one after the other, those first that had no turn for longest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// Endpoints that are sent to at the same time.
const PLACES: usize = 32;
/// Of them those of one owner.
const OF_ONE: usize = 4;
/// Of them those that did not take what was sent last: one that does not answer takes long.
const FAILING: usize = PLACES / 2;
/// Endpoints of which is known when they had a turn.
const REMEMBERED: usize = 4_096;

/// An endpoint that something is due for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) endpoint: String,
    pub(super) owner: String,
    pub(super) is_failing: bool,
}

/// The places of one process. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    seated: HashMap<String, Wish>,
    last: HashMap<String, Instant>,
}

/// A place that is taken; given back when dropped.
pub(super) struct Seat {
    turns: Turns,
    endpoint: String,
}

/// Who has no turn now.
pub(super) struct Away {
    /// They have one already.
    pub(super) endpoints: Vec<String>,
    /// Theirs have as many as there are for one.
    pub(super) owners: Vec<String>,
}

impl Turns {
    pub(super) fn away(&self) -> Away {
        let inner = self.inner();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for wish in inner.seated.values() {
            *counts.entry(&wish.owner).or_default() += 1;
        }
        let full = counts.into_iter().filter(|(_, count)| *count >= OF_ONE);
        Away {
            endpoints: inner.seated.keys().cloned().collect(),
            owners: full.map(|(owner, _)| owner.to_owned()).collect(),
        }
    }

    /// Those first that had no turn for longest; else as they were given.
    pub(super) fn in_order(&self, mut wishes: Vec<Wish>) -> Vec<Wish> {
        let inner = self.inner();
        wishes.sort_by_key(|wish| inner.last.get(&wish.endpoint).copied());
        wishes
    }

    /// A place, unless all that there are for such a one are taken.
    pub(super) fn seat(&self, wish: &Wish) -> Option<Seat> {
        let mut inner = self.inner();
        let taken =
            |which: &dyn Fn(&Wish) -> bool| inner.seated.values().filter(|other| which(other)).count();
        let is_full = inner.seated.len() >= PLACES
            || inner.seated.contains_key(&wish.endpoint)
            || taken(&|other| other.owner == wish.owner) >= OF_ONE
            || (wish.is_failing && taken(&|other| other.is_failing) >= FAILING);
        if is_full {
            return None;
        }
        inner.seated.insert(wish.endpoint.clone(), wish.clone());
        Some(Seat { turns: self.clone(), endpoint: wish.endpoint.clone() })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut inner = self.turns.inner();
        inner.seated.remove(&self.endpoint);
        if inner.last.len() >= REMEMBERED {
            inner.last.clear();
        }
        inner.last.insert(std::mem::take(&mut self.endpoint), Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(owner: &str, endpoint: usize, is_failing: bool) -> Wish {
        Wish { endpoint: format!("{owner}-{endpoint}"), owner: owner.to_owned(), is_failing }
    }

    #[test]
    fn one_owner_leaves_places_to_others_and_gets_them_back() {
        let turns = Turns::default();
        let mut seats: Vec<Seat> = (0..20).filter_map(|n| turns.seat(&wish("ann", n, false))).collect();
        assert_eq!((seats.len(), turns.away().owners), (OF_ONE, vec!["ann".to_owned()]));
        assert!(turns.seat(&wish("bob", 0, false)).is_some());
        seats.pop();
        assert!(turns.away().owners.is_empty());
        assert!(turns.seat(&wish("ann", 0, false)).is_none(), "it has its turn");
        assert!(turns.seat(&wish("ann", 19, false)).is_some());
    }

    #[test]
    fn those_that_take_nothing_leave_places_to_those_that_do() {
        let turns = Turns::default();
        let each = |is_failing: bool| {
            let owners = (0..PLACES).map(move |n| wish(&format!("{is_failing}{n}"), 0, is_failing));
            owners.filter_map(|wish| turns.seat(&wish)).collect::<Vec<_>>()
        };
        let (failing, good) = (each(true), each(false));
        assert_eq!((failing.len(), good.len()), (FAILING, PLACES - FAILING));
    }

    #[test]
    fn whoever_had_a_turn_comes_after_those_that_had_none() {
        let turns = Turns::default();
        let all: Vec<_> = (0..3).map(|n| wish("ann", n, false)).collect();
        assert_eq!(turns.in_order(all.clone()), all);
        drop(turns.seat(&all[0]));
        drop(turns.seat(&all[1]));
        assert_eq!(turns.in_order(all.clone()), [all[2].clone(), all[0].clone(), all[1].clone()]);
    }
}
