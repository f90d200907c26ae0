//! What endpoints of a chain answer: logs, receipts, blocks and errors. Whatever they write, no event is made up or lost.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use sealpost_chain::{Fault, Revert, fuzz};
use sealpost_market::chain::{Address, ChainEvent};

const CONTRACT: Address = Address::new([0xc0; 20]);

fuzz_target!(|data: &[u8]| {
    match fuzz::logs(data) {
        Ok(logs) => {
            check(&logs);
            let within = |envelope: Vec<u8>| 2 * envelope.len() < data.len();
            assert!(logs.envelopes().into_iter().all(within), "an envelope is not of the answer");
        }
        Err(fault) => refused(&fault),
    }
    if let Ok(Some((tx, block, succeeded, logs))) = fuzz::receipt(data) {
        assert!(succeeded || logs.count(CONTRACT) == 0, "what reverted has an event");
        for event in check(&logs) {
            let at = match event {
                ChainEvent::Purchased(paid) => (paid.tx, paid.block),
                ChainEvent::Refunded(refund) => (refund.tx, refund.block),
            };
            assert_eq!(at, (tx, block), "a receipt has an event of elsewhere");
        }
    }
    let _block = fuzz::block(data);
});

/// Each event of the contract is read once, whatever is between them.
fn check(logs: &fuzz::Logs) -> Vec<ChainEvent> {
    let Ok(events) = logs.events(CONTRACT) else { return Vec::new() };
    let took = |event: &ChainEvent| match event {
        ChainEvent::Purchased(_) => 2,
        ChainEvent::Refunded(_) => 1,
    };
    assert_eq!(events.iter().map(took).sum::<usize>(), logs.count(CONTRACT), "a log was passed over");
    let names = events.iter().map(|event| match event {
        ChainEvent::Purchased(paid) => (true, paid.tx, paid.index),
        ChainEvent::Refunded(refund) => (false, refund.tx, refund.index),
    });
    assert_eq!(names.collect::<HashSet<_>>().len(), events.len(), "two events of one name");
    assert_eq!(logs.of(CONTRACT).events(CONTRACT).as_ref(), Ok(&events), "other logs change what happened");
    events
}

/// What endpoints and contracts say instead is shown to people, on one line.
fn refused(fault: &Fault) {
    assert!(!fault.to_string().contains(char::is_control), "an endpoint writes to the terminal");
    if let Fault::Refused { data: Some(data), .. } = fault {
        let revert = Revert::decode(data);
        assert!(!revert.to_string().contains(char::is_control), "a contract writes to the terminal");
    }
}
