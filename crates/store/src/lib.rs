#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod app;
pub mod backup;
mod blobs;
mod catalogue;
pub mod chain;
mod checkout;
mod config;
mod description;
mod error;
mod facts;
mod fault;
mod happenings;
mod http;
mod hub;
mod identity;
mod jobs;
mod leaving;
mod limits;
mod live;
mod lmnt;
mod migrations;
mod notices;
mod open;
mod operate;
mod pages;
mod pipe;
mod plugins;
pub mod points;
mod printing;
mod publish;
mod purchases;
mod random;
mod rates;
mod receipts;
mod renaming;
mod reviews;
mod sales;
#[expect(unreachable_pub, reason = "what SeaORM derives has the visibility of the model")]
mod schema;
mod sellers;
mod serve;
mod state;
mod streams;
#[cfg(test)]
mod tests;
mod vault;
mod webhooks;

pub use blobs::{BlobError, Blobs, FolderBlobs};
pub use config::Config;
pub use error::Error;
pub use open::{FirstSteps, Parts, Store};
pub use pipe::Pieces;
pub use purchases::payments::{BuiltIn, PaymentRefused, Payments};
pub use rates::RateLimits;
pub use sealpost_accounts::limit::Rate;
pub use sealpost_database::Clock;
pub use serve::{Certificate, serve};
