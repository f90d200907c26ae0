#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod account;
pub mod audit;
pub mod catalogue;
pub mod chain;
pub mod happening;
pub mod job;
pub mod lmnt;
pub mod mail;
pub mod marketplace;
pub mod operate;
pub mod pairing;
pub mod printer;
pub mod problem;
pub mod purchase;
pub mod receipt;
pub mod review;
pub mod sales;
pub mod selling;
pub mod ways;
pub mod webhook;

pub use problem::Problem;

/// Header by which a Sealpost agent says what it is (its value: the protocol version, `1`).
///
/// A poll with it lists jobs without keys; without it the caller is taken for an LMNT client and claims one job.
pub const AGENT_HEADER: &str = "sealpost-agent";
/// The id of the state document of a Sealpost agent: 16 to 64 characters of `[a-z0-9_-]`, random, made with the document. A store that
/// was restored from a backup lets an agent claim what was open then only while it remembers what it started.
pub const MEMORY_HEADER: &str = "sealpost-memory";

/// How much a Sealpost agent protects prints: `full`, or `reduced` where other programs on the printer may look into them.
pub const PROTECTION_HEADER: &str = "sealpost-protection";

/// Header of RFC draft `idempotency-key`: repeats of a request get the first answer.
pub const IDEMPOTENCY_HEADER: &str = "idempotency-key";
