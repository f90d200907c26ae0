//! The rules of a store, by row, by sale and in any order of events.
#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

mod chain;
mod chain_machine;
mod desk;
mod devices;
mod job_machine;
mod job_states;
mod job_table;
mod plugins;
mod reasons;
mod reviews;
mod sales;
