#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod address;
mod client;
mod error;
mod resolver;

pub use address::is_public;
pub use client::{Answer, Outgoing, Settings};
pub use error::Error;
