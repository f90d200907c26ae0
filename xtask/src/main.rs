//! `cargo xtask`: provisions what the tests need and dispatches the project's commands.
#![forbid(unsafe_code)]

fn main() {}
