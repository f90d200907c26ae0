//! Plugins run, or are stopped: the interface, hostile modules, and the example plugin's own shape.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hostile;
mod interface;
mod kit;
mod large;
mod strange;
