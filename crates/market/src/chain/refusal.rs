//! Why a transaction pays for nothing here.

use super::Address;

/// A payment that does not count. `Display` is the sentence, [`Refusal::code`] is stable, [`Refusal::hint`] says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It was mined and failed: no money moved.
    #[error("the transaction failed on chain, and no money moved")]
    Reverted,
    /// Our contract recorded no purchase in it.
    #[error("the transaction bought nothing from this store's contract")]
    WrongContract,
    /// What it bought is something else.
    #[error("the transaction bought something else")]
    WrongListing,
    /// The listing was not sold on chain then.
    #[error("the listing was not offered on chain when this was paid")]
    NotOffered,
    /// Another amount than was asked.
    #[error("{paid} was paid where {asked} was asked, in minor units")]
    WrongAmount {
        /// What was asked, in minor units.
        asked: u128,
        /// What was paid.
        paid: u128,
    },
    /// Another token than was asked.
    #[error("it was paid in {}, where {} was asked", token(*paid), token(*asked))]
    WrongToken {
        /// What was asked; `None` is the chain's coin.
        asked: Option<Address>,
        /// What was paid.
        paid: Option<Address>,
    },
    /// The money went to somebody else.
    #[error("the money went to {0}, who does not sell this")]
    WrongPublisher(Address),
    /// It was paid for another key.
    #[error("the transaction paid for another key")]
    WrongKey,
    /// Nobody has heard of it for long: it is of another chain, or was dropped.
    #[error("the endpoints of this store's chain do not know the transaction")]
    Unknown,
    /// The payment gave somebody a licence before.
    #[error("this payment was used")]
    Used,
    /// No key can be wrapped for the key that was paid for.
    #[error("no content key can be wrapped for the key that was paid for")]
    BadKey,
    /// The contract does not stand by it.
    #[error("the contract does not confirm the purchase")]
    NotVerified,
}

impl Refusal {
    /// The stable code of this refusal, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.describe().0
    }

    /// What the person who met this can do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        self.describe().2
    }

    /// A few words for a heading.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.describe().1
    }

    /// The same refusal from its code and the numbers of its payment, for those who kept the code alone.
    #[must_use]
    pub fn describe_code(code: &str) -> Option<(&'static str, &'static str)> {
        let none = Address::new([0; 20]);
        let all = [
            Self::Reverted,
            Self::WrongContract,
            Self::WrongListing,
            Self::NotOffered,
            Self::WrongAmount { asked: 0, paid: 0 },
            Self::WrongToken { asked: None, paid: None },
            Self::WrongPublisher(none),
            Self::WrongKey,
            Self::Unknown,
            Self::Used,
            Self::BadKey,
            Self::NotVerified,
        ];
        all.iter().find(|refusal| refusal.code() == code).map(|refusal| (refusal.title(), refusal.hint()))
    }

    fn describe(&self) -> (&'static str, &'static str, &'static str) {
        const REFUND: &str =
            "Ask the seller for a refund: the wallet that gets the money can give it back on chain.";
        const ACCEPT: &str = "Ask the seller to accept it all the same (`POST /api/v1/payments/{tx_hash}/accept`), or to give the money \
                              back on chain with the wallet that got it.";
        match self {
            Self::Reverted => (
                "payment_reverted",
                "The transaction failed",
                "Look at why in your wallet, and pay again; only the network's fee is gone.",
            ),
            Self::WrongContract => (
                "payment_wrong_contract",
                "Not a purchase of this store",
                "Name the transaction that called `purchase` of the contract in `GET /api/v1/chain`.",
            ),
            Self::WrongListing => (
                "payment_wrong_listing",
                "A purchase of something else",
                "Name the listing and version that the transaction paid for.",
            ),
            Self::NotOffered => ("payment_not_offered", "Not offered on chain", ACCEPT),
            Self::WrongAmount { .. } => ("payment_wrong_amount", "Another amount than the price", ACCEPT),
            Self::WrongToken { .. } => ("payment_wrong_token", "Another token than the price", REFUND),
            Self::WrongPublisher(_) => (
                "payment_wrong_publisher",
                "Paid to somebody else",
                "The seller here did not get the money: the address that did can give it back on chain, and so can the contract's \
                 owner within 30 days. Write to the store's operator soon.",
            ),
            Self::WrongKey => (
                "payment_wrong_key",
                "Paid for another key",
                "Send the public key that the transaction paid for.",
            ),
            Self::Unknown => (
                "payment_unknown",
                "Nobody has heard of this transaction",
                "Check the hash, and that your wallet sent it on the chain in `GET /api/v1/chain`; it counts when it comes after all.",
            ),
            Self::Used => (
                "payment_used",
                "This payment was used",
                "It gave somebody a licence already; look at your licences, or pay again.",
            ),
            Self::BadKey => ("payment_key_unusable", "Paid for a key that opens nothing", REFUND),
            Self::NotVerified => ("payment_not_verified", "Not confirmed by the contract", REFUND),
        }
    }
}

fn token(token: Option<Address>) -> String {
    token.map_or_else(|| "the chain's coin".to_owned(), |token| format!("the token {token}"))
}
