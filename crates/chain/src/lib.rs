#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod call;
mod codec;
pub mod contract;
mod convert;
mod endpoint;
mod error;
mod fault;
mod quorum;
mod reader;
mod rpc;
mod settings;

pub use call::{call_data, refund_with};
pub use error::ChainError;
pub use fault::Fault;
pub use reader::{Balance, EndpointState, Heads, Listed, Reader};
pub use settings::{Finality, Settings, SettingsError, Token};
