//! The test kit: real stores, agents, Moonrakers and databases for the suites, the benchmarks and the demo.
//!
//! Everything is started on free ports of loopback in temporary folders and ends with the test, even a killed one:
//! see [`service`]. Where a Klipper is needed it is the stand-in host of `tests/klipper_host`, or, with `KLIPPER_DIR`,
//! the Klipper of that checkout.
#![forbid(unsafe_code)]

pub mod agent;
pub mod backup;
pub mod chain;
pub mod clock;
pub mod dice;
pub mod disk;
pub mod lmnt;
pub mod parts;
pub mod person;
pub mod postgres;
pub mod printer;
pub mod programs;
pub mod proxy;
pub mod scene;
pub mod service;
pub mod shop;
pub mod store;
pub mod terminal;

/// The system's randomness.
pub fn random() -> impl rand_core::CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}
