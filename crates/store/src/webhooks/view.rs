//! Endpoints and messages as they travel.

use sealpost_api::webhook::{Delivery, Try, Webhook};
use sealpost_database::clock::rfc3339;

use crate::fault::Result;
use crate::schema::value::count;
use crate::schema::{webhook_delivery, webhook_endpoint, webhook_try};

/// With how many messages wait and are held.
pub(super) fn webhook(row: &webhook_endpoint::Model, waiting: u64, held: u64, now: i64) -> Result<Webhook> {
    Ok(Webhook {
        id: row.id.clone(),
        url: row.url.clone(),
        kinds: serde_json::from_str(&row.kinds)?,
        description: row.description.clone(),
        everybody: row.everybody,
        state: row.state.clone(),
        reason: row.reason.clone(),
        failing_since: row.failing_since.map(rfc3339),
        old_secret_until: row.old_secret_until.filter(|until| now < *until).map(rfc3339),
        waiting,
        held,
        created_at: rfc3339(row.created_at),
        secret: None,
    })
}

pub(super) fn delivery(row: &webhook_delivery::Model) -> Delivery {
    Delivery {
        id: row.id.clone(),
        kind: row.kind.clone(),
        state: row.state.clone(),
        tries: count(row.tries),
        status: row.status.and_then(|status| u16::try_from(status).ok()),
        next_at: row.next_at.filter(|_| row.state == "waiting").map(rfc3339),
        created_at: rfc3339(row.created_at),
    }
}

pub(super) fn attempt(row: webhook_try::Model) -> Try {
    Try {
        at: rfc3339(row.at),
        took_ms: row.took_ms.unsigned_abs(),
        status: row.status.and_then(|status| u16::try_from(status).ok()),
        error: row.error,
        body: row.body,
    }
}
