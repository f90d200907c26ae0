//! What tests of this crate share.
#![expect(dead_code, reason = "every test uses a part of it")]

pub(crate) mod chain;
pub(crate) mod endpoint;
pub(crate) mod market;
pub(crate) mod node;

/// What tests give back.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
