//! Plugins run, or are stopped: the interface, hostile modules, and the example plugin's own shape.

mod hostile;
mod interface;
mod kit;
mod strange;
