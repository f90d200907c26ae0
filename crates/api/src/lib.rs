#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod account;
pub mod audit;
pub mod catalogue;
pub mod chain;
pub mod job;
pub mod lmnt;
pub mod marketplace;
pub mod pairing;
pub mod printer;
pub mod problem;
pub mod purchase;

pub use problem::Problem;

/// Header by which a Sealpost agent says what it is (its value: the protocol version, `1`).
///
/// A poll with it lists jobs without keys; without it the caller is taken for an LMNT client and claims one job.
pub const AGENT_HEADER: &str = "sealpost-agent";

/// Header of RFC draft `idempotency-key`: repeats of a request get the first answer.
pub const IDEMPOTENCY_HEADER: &str = "idempotency-key";
