//! What a scan found.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Refusal, Thumbnail};

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Report {
    /// Bytes fed in.
    pub bytes: u64,
    /// Lines read; reading stops at a refusal.
    pub lines: u64,
    /// Lines that hold a command.
    pub commands: u64,
    /// Bytes above 0x7f in comments and in the texts of commands: harmless, and printed as they are.
    pub high_bytes: u64,
    /// What the slicer says.
    pub summary: Summary,
    /// Pictures, as the slicer embedded them.
    pub thumbnails: Vec<Thumbnail>,
    /// Whether a heater is on at the end, as far as the file shows; looked at where limits are given.
    pub leaves_heat_on: bool,
    /// Commands that not every printer runs: macros, and what only an owner can approve; at most a hundred. Looked for
    /// where no limits are given.
    pub other_commands: BTreeSet<String>,
    /// Why the file is not printed.
    pub refusal: Option<Refusal>,
}

/// What the slicer says about its file. Absent is what it does not say.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Summary {
    /// Name of the slicer.
    pub slicer: Option<String>,
    /// Its version.
    pub slicer_version: Option<String>,
    /// Estimated printing time, seconds.
    pub estimated_time_s: Option<u64>,
    /// Layers, as written or as counted.
    pub layers: Option<u32>,
    /// Millimetres.
    pub layer_height_mm: Option<f64>,
    /// Millimetres.
    pub first_layer_height_mm: Option<f64>,
    /// Highest layer, millimetres.
    pub object_height_mm: Option<f64>,
    /// All extruders together, millimetres.
    pub filament_used_mm: Option<f64>,
    /// All extruders together, grams.
    pub filament_used_g: Option<f64>,
    /// Such as `PLA`; several are separated by `;`.
    pub filament_type: Option<String>,
    /// Name of the filament's profile.
    pub filament_name: Option<String>,
    /// Of the first extruder, millimetres.
    pub nozzle_diameter_mm: Option<f64>,
    /// Of the first layer where the slicer tells it, else of later ones, else the hottest asked for; degrees Celsius.
    pub extruder_temp_c: Option<f64>,
    /// As `extruder_temp_c`.
    pub bed_temp_c: Option<f64>,
    /// Degrees Celsius.
    pub chamber_temp_c: Option<f64>,
    /// Model of the printer it was sliced for.
    pub printer_model: Option<String>,
    /// Name of the printer's profile.
    pub printer_profile: Option<String>,
    /// Width and depth of that printer's bed, millimetres.
    pub bed_mm: Option<[f64; 2]>,
    /// Where something is extruded, as far as the moves show.
    pub extent_mm: Option<Extent>,
}

/// A box in a printer's coordinates, millimetres.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Extent {
    /// Lower ends of X, Y and Z.
    pub min: [f64; 3],
    /// Upper ends.
    pub max: [f64; 3],
}

impl Report {
    /// Whether the file may be printed.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn check(&self) -> Result<(), Refusal> {
        self.refusal.clone().map_or(Ok(()), Err)
    }
}
