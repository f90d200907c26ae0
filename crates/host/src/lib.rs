#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod call;
mod check;
mod environment;
mod error;
mod limits;
mod link;
mod manifest;
mod meter;
mod plugin;
mod shape;
mod state;
mod value;

pub use environment::{Environment, Imports, Unavailable};
pub use error::HostError;
pub use limits::Limits;
pub use manifest::{ABI, Function, Manifest, Permission, ValueType};
pub use plugin::Plugin;
pub use value::Value;
