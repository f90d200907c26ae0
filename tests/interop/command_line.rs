//! The same by the `sealpost` command, in the files and pipes that people use.

mod bundle;
mod content;
mod envelope;
mod license;
mod wallet;
