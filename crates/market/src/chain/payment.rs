//! Where a payment stands, and what may happen to it next.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a payment stands, as its store keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum PaymentState {
    /// Its transaction was named or seen, and is not settled.
    Seen,
    /// It counts: its purchase is paid.
    Settled,
    /// It does not count; the money can be given back on chain.
    Refused,
    /// It counted, and the chain took its block back. It counts again when it is mined again.
    Undone,
    /// The money went back.
    Refunded,
    /// Nobody has heard of its transaction for long. It still counts when it comes after all.
    Dropped,
}

/// What happens to a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentEvent {
    /// Its transaction was named or seen again.
    See,
    /// It is settled and is what was offered.
    Settle,
    /// It is settled and is not what was offered, or it failed on chain.
    Refuse,
    /// Its block is no longer of the chain.
    Undo,
    /// The contract gave the money back.
    Refund,
    /// The block of the refund is no longer of the chain; that of the payment is.
    UndoRefund {
        /// Whether the payment was what had been offered.
        counted: bool,
    },
    /// Its transaction stayed unknown for too long.
    Drop,
}

/// An event that fits no payment of this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a payment that is {from} cannot be {}", to.participle())]
pub struct Misstep {
    /// Where it stands.
    pub from: PaymentState,
    /// What was to happen.
    pub to: PaymentEvent,
}

impl PaymentState {
    /// Where an event takes it. An event that happened before changes nothing.
    ///
    /// # Errors
    /// [`Misstep`] when it cannot happen now.
    pub fn after(self, event: PaymentEvent) -> Result<Self, Misstep> {
        use PaymentEvent as Event;
        Ok(match (self, event) {
            (Self::Seen | Self::Dropped, Event::See) => Self::Seen,
            // Whoever names a payment again changes nothing of what is settled about it.
            (state, Event::See) => state,
            // A refund after it stands, whatever is said about the payment again.
            (Self::Refunded, Event::Settle | Event::Refuse) => Self::Refunded,
            (_, Event::Settle) => Self::Settled,
            (Self::Seen | Self::Dropped | Self::Undone | Self::Refused, Event::Refuse) => Self::Refused,
            (Self::Settled | Self::Refused | Self::Refunded | Self::Undone, Event::Undo) => Self::Undone,
            (Self::Settled | Self::Refused | Self::Refunded | Self::Undone, Event::Refund) => Self::Refunded,
            (Self::Refunded, Event::UndoRefund { counted: true }) => Self::Settled,
            (Self::Refunded, Event::UndoRefund { counted: false }) => Self::Refused,
            (Self::Seen | Self::Dropped, Event::Drop) => Self::Dropped,
            (from, to) => return Err(Misstep { from, to }),
        })
    }

    /// Its name, as it travels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Settled => "settled",
            Self::Refused => "refused",
            Self::Undone => "undone",
            Self::Refunded => "refunded",
            Self::Dropped => "dropped",
        }
    }
}

impl PaymentEvent {
    fn participle(self) -> &'static str {
        match self {
            Self::See => "seen",
            Self::Settle => "settled",
            Self::Refuse => "refused",
            Self::Undo => "undone",
            Self::Refund => "refunded",
            Self::UndoRefund { .. } => "taken back from its payer",
            Self::Drop => "dropped",
        }
    }
}

impl fmt::Display for PaymentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
