//! Suite `secrecy`: a print between users who are strangers to each other, and nobody else reads it.
//!
//! Runs as root, by `cargo xtask test secrecy`: Klipper and Moonraker, the agent, and the store each run as a user of their own
//! that exists by its number alone. Whoever looks is one of these users, or a fourth one. Where this is not root every test
//! fails, unless `SEALPOST_TEST_WITHOUT_ROOT=1` says that it may be left out.
#![forbid(unsafe_code)]

mod canary;
mod locked;
mod looking;
mod places;
mod strangers;
mod tap;
mod traces;
mod users;
mod world;
