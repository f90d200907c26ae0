//! Suite `printer`: a real agent, a real Moonraker and Klipper's side, with a real store behind a meddling proxy.
#![forbid(unsafe_code)]

mod control;
mod exactness;
mod refusals;
