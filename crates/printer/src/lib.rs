#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod agent;
pub mod checks;
pub mod core;
pub mod doctor;
pub mod handover;
pub mod install;
mod legacy;
pub mod local;
mod locked;
pub mod log;
pub mod machine;
pub mod memfd;
pub mod moonraker;
pub mod opening;
pub mod points;
mod problem;
pub mod settings;
pub mod state;
pub mod store;

pub use agent::Agent;
pub use settings::Settings;
