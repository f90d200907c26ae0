//! Suite `security`: what strangers try on the built store.
#![forbid(unsafe_code)]

mod abuse;
mod description;
mod foreign;
mod idle;
mod limits;
mod raw;
mod tls;
mod tokens;
mod world;
