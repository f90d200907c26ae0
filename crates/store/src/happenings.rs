//! What people can be told about, written down in the transaction of what happened, and read by those who tell them.
//!
//! Each consumer has rows of its own that say what it has not looked at yet, not a place in a sequence: on PostgreSQL rows become
//! visible in another order than they were numbered in, and a place would pass over what was committed late.

mod facts;
mod read;

use sea_orm::ActiveValue::Set;
use sealpost_api::happening::{Event, Happening, VERSION};
use sealpost_database::Tx;
use sealpost_database::clock::rfc3339;
use tokio::sync::Notify;

use crate::fault::Result;
use crate::random;
use crate::schema::{happening, happening_turn};

pub(crate) use facts::{of_job, of_licence, of_listing, of_purchase, of_release, of_sale};
pub(crate) use read::{forget, take, wait};

/// Those who tell people, each at its own pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consumer {
    Webhooks,
    Mails,
}

/// Rings in this process when something happened; a ring of another store's in vain costs it one query.
static BELL: Notify = Notify::const_new();

/// Writes down that something happened, at the end of the transaction in which it did.
///
/// # Errors
/// A system without randomness.
pub(crate) fn record(tx: &Tx, now: i64, happening: Happening) -> Result<()> {
    let id = format!("evt_{}", hex::encode(random::bytes::<16>()?));
    let event = Event { happening, timestamp: rfc3339(now), version: VERSION, id: id.clone() };
    tx.insert_later(happening::ActiveModel {
        id: Set(id.clone()),
        kind: Set(event.happening.kind().to_owned()),
        seller: Set(event.happening.seller().to_owned()),
        other: Set(event.happening.other().map(str::to_owned)),
        listing: Set(event.happening.listing().to_owned()),
        payload: Set(serde_json::to_string(&event)?),
        at: Set(now),
    });
    for consumer in Consumer::ALL {
        tx.insert_later(happening_turn::ActiveModel {
            consumer: Set(consumer.name().to_owned()),
            happening: Set(id.clone()),
            at: Set(now),
        });
    }
    tx.after_commit(ring);
    Ok(())
}

/// Wakes those who tell people.
pub(crate) fn ring() {
    BELL.notify_waiters();
}

impl Consumer {
    const ALL: [Self; 2] = [Self::Webhooks, Self::Mails];

    fn name(self) -> &'static str {
        match self {
            Self::Webhooks => "webhooks",
            Self::Mails => "mails",
        }
    }
}
