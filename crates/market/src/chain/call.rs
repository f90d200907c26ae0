//! What wallets are asked to send.

use super::{Address, BuyerKey, ChainHash};

/// A call of the contract, or of a token for it, by its meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the parameters their names say")]
pub enum ContractCall {
    /// Lets the contract take so much of a token.
    Approve { token: Address, amount: u128 },
    /// Pays for an item and a key.
    Purchase { item: ChainHash, key: BuyerKey, token: Option<Address>, amount: u128 },
    /// Sells an item, or sells it at a new price.
    List { item: ChainHash, token: Option<Address>, price: u128 },
    /// Sells an item no more.
    Unlist { item: ChainHash },
    /// Takes the caller's money out, to another account where one is named.
    Withdraw { token: Option<Address>, to: Option<Address> },
    /// Makes the fees that wait the treasury's own balance; `publisher` is the treasury.
    SettleFees { publisher: Address, token: Option<Address> },
    /// Gives a payment back.
    Refund { item: ChainHash, key: BuyerKey, receipt: PurchaseReceipt },
    /// Publishes an envelope for a purchase.
    Deliver { item: ChainHash, key: BuyerKey, envelope: Vec<u8> },
    /// Offers an item to another publisher.
    TransferListing { item: ChainHash, to: Address },
    /// Takes an item that was offered.
    AcceptListing { item: ChainHash },
    /// Stops purchases and listing.
    Pause,
    /// Lets them go on.
    Unpause,
    /// Sets the fee for what is listed from now on.
    SetFee { bps: u16 },
    /// Says who gets the fees.
    SetTreasury { treasury: Address },
}

/// What the contract keeps of a purchase as a hash, so that whoever refunds has to name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurchaseReceipt {
    /// Who paid.
    pub payer: Address,
    /// Who was paid.
    pub publisher: Address,
    /// In which token; `None` is the chain's coin.
    pub token: Option<Address>,
    /// What was paid, in minor units.
    pub amount: u128,
    /// What the platform kept of it.
    pub fee: u128,
    /// When, by the block: seconds since 1970.
    pub paid_at: u64,
}

/// A call as a transaction carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallData {
    /// Whom it calls.
    pub to: Address,
    /// Selector and parameters by the contract ABI.
    pub data: Vec<u8>,
    /// How much of the chain's coin goes along, in minor units.
    pub value: u128,
}
