//! Suite `security`: what strangers try on the built store.
#![forbid(unsafe_code)]

mod abuse;
mod browsers;
mod description;
mod foreign;
mod idle;
mod limits;
mod raw;
mod ssrf;
mod tls;
mod tokens;
mod world;
