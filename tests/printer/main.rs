//! Suite `printer`: a real agent, a real Moonraker and Klipper's side, with a real store behind a meddling proxy.
#![forbid(unsafe_code)]

mod compatible;
mod control;
mod ending;
mod exactness;
mod open_files;
mod outages;
mod outcomes;
mod refusals;
mod second_start;
