//! The routes of this area in process, on a SQLite file, with a clock that the tests move.

mod at_once;
mod challenges;
mod handover;
mod keys;
mod nonsense;
mod pairing;
mod rig;
mod tokens;
