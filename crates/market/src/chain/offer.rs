//! What a store asked at which time, and whether a payment is that.

use serde::{Deserialize, Serialize};

use super::{Address, ChainPurchase, Refusal};
use crate::{ListingId, Timestamp};

/// What one listing cost on chain, from when until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Of what.
    pub listing: ListingId,
    /// Who is to be paid.
    pub payout: Address,
    /// In which token; `None` is the chain's coin.
    pub token: Option<Address>,
    /// How much, in minor units.
    pub amount: u128,
    /// Since when.
    pub since: Timestamp,
    /// Until when; it holds still where absent.
    pub until: Option<Timestamp>,
}

impl Offer {
    /// How long a payment by the old price counts after a new one was set, in seconds: it may be on its way.
    pub const GRACE_S: u32 = 3_600;
    /// By how many seconds the clocks of chain and store may differ.
    pub const SKEW_S: u32 = 600;

    /// Whether a payment of this moment may be one for this offer.
    #[must_use]
    pub fn holds_at(&self, at: Timestamp) -> bool {
        at.plus_seconds(Self::SKEW_S).reached(self.since)
            && self.until.is_none_or(|end| !at.reached(end.plus_seconds(Self::GRACE_S)))
    }

    fn compare(&self, purchase: &ChainPurchase) -> Result<(), Refusal> {
        if self.payout != purchase.publisher {
            return Err(Refusal::WrongPublisher(purchase.publisher));
        }
        if self.token != purchase.token {
            return Err(Refusal::WrongToken { asked: self.token, paid: purchase.token });
        }
        if self.amount != purchase.amount {
            return Err(Refusal::WrongAmount { asked: self.amount, paid: purchase.amount });
        }
        Ok(())
    }
}

/// The offer that a payment answers: publisher, token and amount are the offer's, and it held at the block's time. `offers` are
/// those of the listing that was bought, in any order.
///
/// Whether the listing is shown or its version was taken back meanwhile does not matter: the contract took the money.
///
/// # Errors
/// [`Refusal::NotOffered`] when none held; else how the payment differs from the newest that did, by
/// [`Refusal::WrongPublisher`], [`Refusal::WrongToken`] or [`Refusal::WrongAmount`].
pub fn judge<'a>(purchase: &ChainPurchase, offers: &'a [Offer]) -> Result<&'a Offer, Refusal> {
    let at = Timestamp(i64::try_from(purchase.block_time).unwrap_or(i64::MAX));
    let held = || offers.iter().filter(|offer| offer.holds_at(at));
    if let Some(found) = held().find(|offer| offer.compare(purchase).is_ok()) {
        return Ok(found);
    }
    let newest = held().max_by_key(|offer| offer.since).ok_or(Refusal::NotOffered)?;
    newest.compare(purchase).map(|()| newest)
}
