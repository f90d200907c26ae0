//! How many connections there are, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use sealpost_accounts::extract::ClientAddress;
use sealpost_accounts::proxies::TrustedProxies;

/// The seats of one process. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Seats(Arc<Room>);

#[derive(Debug)]
struct Room {
    most: usize,
    most_of_one: usize,
    /// Connections of a proxy are those of many people.
    proxies: TrustedProxies,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One connection's, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Seats,
    address: Option<IpAddr>,
}

impl Seats {
    pub(super) fn new(most: usize, most_of_one: usize, proxies: TrustedProxies) -> Self {
        Self(Arc::new(Room { most, most_of_one, proxies, taken: Mutex::default() }))
    }

    /// A seat for a connection from there, if one is free.
    pub(super) fn take(&self, from: IpAddr) -> Option<Seat> {
        // Of the address itself: the household of `::1` is none of this machine.
        let alone = !from.to_canonical().is_loopback() && !self.0.proxies.trusts(from);
        let address = alone.then(|| ClientAddress(from).household());
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.0.most {
            return None;
        }
        if let Some(address) = address {
            let count = taken.by_address.entry(address).or_default();
            if *count >= self.0.most_of_one {
                return None;
            }
            *count += 1;
        }
        taken.all += 1;
        Some(Seat { seats: self.clone(), address })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        if let Some(address) = self.address
            && let Some(count) = taken.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats() -> Seats {
        Seats::new(4, 2, TrustedProxies::parse(&["10.0.0.1"]).unwrap())
    }

    fn take(seats: &Seats, from: &str) -> Option<Seat> {
        seats.take(from.parse().unwrap())
    }

    #[test]
    fn one_household_takes_its_share_and_no_more() {
        let seats = seats();
        let first = take(&seats, "2001:db8::1").unwrap();
        let _second = take(&seats, "2001:db8::2").unwrap();
        assert!(take(&seats, "2001:db8::3").is_none());
        assert!(take(&seats, "2001:db8:1::3").is_some());
        drop(first);
        assert!(take(&seats, "2001:db8::3").is_some());
    }

    #[test]
    fn a_proxy_and_this_machine_take_as_many_as_there_are() {
        for from in ["10.0.0.1", "::ffff:10.0.0.1", "127.0.0.1", "::1"] {
            let seats = seats();
            let taken: Vec<_> = (0..4).filter_map(|_| take(&seats, from)).collect();
            assert_eq!(taken.len(), 4, "{from}");
            assert!(take(&seats, "192.0.2.1").is_none(), "all are taken");
        }
    }

    #[test]
    fn addresses_that_left_are_forgotten() {
        let seats = seats();
        drop(take(&seats, "192.0.2.1"));
        let taken = seats.0.taken.lock().unwrap();
        assert!(taken.by_address.is_empty());
        assert_eq!(taken.all, 0);
    }
}
