//! The `sealpost` command.
#![forbid(unsafe_code)]

fn main() {}
