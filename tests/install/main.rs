//! Installing in a small Debian: installed, used and taken back, the tree is as before; ended anywhere, it is finished or undone.
//!
//! Runs as root, by `cargo xtask test install`. Programs of the tree run below it as its own users; what is mounted for them is
//! mounted for each program alone.

mod debian;
mod ended;
mod guarded;
mod package;
mod picture;
mod print;
mod sandbox;
mod script;
mod store;
mod units;
