//! What is the store's own while nobody answers for it: what an operator attached rests when they run the store no more.

use sealpost_accounts::people;
use sealpost_database::Tx;
use sealpost_market::AccountId;

use crate::fault::Result;
use crate::state::AppState;
use crate::{checkout, notices, webhooks};

/// Why somebody runs the store no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    RoleTaken,
    Suspended,
    Deleted,
}

impl Left {
    /// As in the audit log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::RoleTaken => "role_taken",
            Self::Suspended => "suspended",
            Self::Deleted => "account_deleted",
        }
    }
}

/// Pauses what of the store somebody attached, in the transaction in which they leave, and tells the other operators.
pub(crate) async fn leave(state: &AppState, tx: &Tx, account: &AccountId, why: Left) -> Result<()> {
    let (id, now) = (account.as_str(), state.clock.now_ms());
    let webhooks = webhooks::rest(tx, id, why, now).await?;
    let sources = checkout::rest(tx, id, why, now).await?;
    if webhooks + sources.len() == 0 {
        return Ok(());
    }
    for operator in people::operators(tx).await?.iter().filter(|operator| *operator != id) {
        notices::left_alone(state, tx, operator, webhooks, &sources).await?;
    }
    Ok(())
}
