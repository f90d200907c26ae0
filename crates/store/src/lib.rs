#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod app;
mod config;
mod error;
mod fault;
mod http;
mod identity;
mod migrations;
mod serve;
mod state;

pub use config::Config;
pub use error::Error;
pub use sealpost_database::Clock;
pub use serve::serve;
pub use state::Store;
