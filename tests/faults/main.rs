//! Suite `faults`: a real agent that is killed, stopped and made to fail at its fault points, a real store, a real Moonraker and
//! the stand-in Klipper; then the rules are checked over everything that is left.
#![forbid(unsafe_code)]

mod books;
mod control;
mod draw;
mod lanes;
mod meanwhile;
mod people;
mod points;
mod program;
mod random;
mod record;
mod rules;
mod schedule;
mod stage;
mod telling_points;
