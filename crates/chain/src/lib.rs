#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod call;
mod codec;
pub mod contract;
mod convert;
mod endpoint;
mod endpoints;
mod error;
mod fault;
#[doc(hidden)]
pub mod fuzz;
mod keystore;
mod quorum;
mod reader;
mod revert;
mod rpc;
mod sender;
mod settings;
mod signer;

pub use call::{call_data, refund_with};
pub use endpoints::Endpoints;
pub use error::ChainError;
pub use fault::Fault;
pub use keystore::{KeyError, KeyFile, Keystore};
pub use reader::{Balance, EndpointState, Heads, Listed, Reader, chain_id};
pub use revert::Revert;
pub use sender::{Deployed, MOST_FEE, PATIENCE, SendError, Sender, Sent, receipt};
pub use settings::{Finality, Settings, SettingsError, Token};
pub use signer::Signer;
