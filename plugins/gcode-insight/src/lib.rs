#![doc = include_str!("../README.md")]

// Elsewhere its `malloc` would take the place of the system's.
#[cfg(target_family = "wasm")]
mod abi;
mod error;
mod feature;
mod filament;
mod number;
mod picture;
mod planner;
mod ramp;
mod raster;
mod stats;
mod view;
mod walk;

pub use error::InsightError;
pub use picture::{PIXELS_MAX, SIDE_MAX, preview};
pub use stats::{Bounds, Feature, Filament, Layers, Moves, Stats, Temperatures, Time, stats};
