//! Purchases on an EVM chain: what is sold, what was paid, and whether that is what the store offered.
//!
//! The transaction is the order: whoever pays for a key pays for whoever holds that key. So nothing here asks who tells the
//! store about a payment, and a stolen transaction hash gains nothing.

mod address;
mod call;
mod event;
mod item;
mod key;
mod network;
mod offer;
mod payment;
mod refusal;
mod shortfall;

pub use address::{Address, AddressError};
pub use call::{CallData, ContractCall, PurchaseReceipt};
pub use event::{BlockRef, ChainEvent, ChainPurchase, ChainRefund, TxOutcome};
pub use item::{ChainHash, HashError, item_id, item_text, keccak256};
pub use key::{BuyerKey, BuyerKeyError};
pub use network::{Network, network, network_text};
pub use offer::{Offer, judge};
pub use payment::{Misstep, PaymentEvent, PaymentState};
pub use refusal::Refusal;
