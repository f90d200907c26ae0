//! Suite `chain`: what is paid on a real EVM node becomes a licence, and nothing else does.
#![forbid(unsafe_code)]

mod commands;
mod delivery;
mod kit;
mod lies;
mod once;
mod outages;
mod refunds;
mod refusals;
mod reorganisations;
mod secrets;
mod selling;
mod watching;
