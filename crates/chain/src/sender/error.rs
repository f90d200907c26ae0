//! Why a transaction did not do what it was sent for.

use std::time::Duration;

use sealpost_envelope::ErrorCode;
use sealpost_market::chain::ChainHash;

use crate::{error::ChainError, revert::Revert};

/// Why a call did not happen, or is not known to have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The chain could not be asked.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// It was mined and failed; the fee is spent, nothing else.
    #[error("transaction {tx} failed{}", .revert.as_ref().map(|revert| format!(": {revert}")).unwrap_or_default())]
    Failed {
        /// The transaction.
        tx: ChainHash,
        /// Why, where the chain still says.
        revert: Option<Revert>,
    },
    /// The endpoints ask for more than was granted.
    #[error("the fee could reach {fee} wei, and {most} wei is the most that is granted")]
    FeeTooHigh {
        /// What it could cost.
        fee: u128,
        /// What was granted.
        most: u128,
    },
    /// Too little of the coin.
    #[error("the account has {has} wei; the call takes {needs} wei with its fee")]
    Funds {
        /// What is there.
        has: u128,
        /// What it takes.
        needs: u128,
    },
    /// Not in a block within the time. It may still come.
    #[error("transaction {tx} is in no block after {} s; it may still come", .waited.as_secs())]
    NotMined {
        /// The transaction.
        tx: ChainHash,
        /// How long it was waited for.
        waited: Duration,
    },
    /// None that this account signed, or not one that waits.
    #[error("this account has no transaction {0} that waits")]
    NotWaiting(ChainHash),
    /// More than 96 bits.
    #[error("a price of {0} units is more than the contract takes")]
    Price(u128),
    /// An endpoint did not take it.
    #[error("the transaction was not taken: {0}")]
    Refused(String),
    /// It would fail; nothing was sent.
    #[error(transparent)]
    Reverted(#[from] Revert),
}

impl SendError {
    /// Why the contract refused, where it was the contract.
    #[must_use]
    pub fn revert(&self) -> Option<&Revert> {
        match self {
            Self::Reverted(revert) => Some(revert),
            Self::Failed { revert, .. } => revert.as_ref(),
            _ => None,
        }
    }
}

impl ErrorCode for SendError {
    fn code(&self) -> &'static str {
        match self {
            Self::Chain(error) => error.code(),
            Self::Failed { revert: Some(revert), .. } | Self::Reverted(revert) => revert.code(),
            Self::Failed { revert: None, .. } => "transaction_failed",
            Self::FeeTooHigh { .. } => "network_fee_too_high",
            Self::Funds { .. } => "insufficient_funds",
            Self::NotMined { .. } => "not_mined",
            Self::NotWaiting(_) => "transaction_not_waiting",
            Self::Price(_) => "price_too_high",
            Self::Refused(_) => "transaction_refused",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Chain(error) => error.hint(),
            Self::Failed { revert: Some(revert), .. } | Self::Reverted(revert) => revert.hint(),
            Self::Failed { revert: None, .. } => "look it up in an explorer; the fee is spent, nothing else",
            Self::FeeTooHigh { .. } => "wait for a calmer hour, ask another endpoint, or grant more",
            Self::Funds { .. } => "send the account some of the chain's coin",
            Self::NotMined { .. } => {
                "look again with `sealpost chain status TX` before sending anything else"
            }
            Self::NotWaiting(_) => {
                "check the hash and the key; it may have been dropped, replaced, or sent by another program"
            }
            Self::Price(_) => "set a lower price",
            Self::Refused(_) => "try again in a minute; another transaction of the account may be under way",
        }
    }
}
