//! What slicers write about the printer that a file is for.

use crate::Summary;
use crate::command::number;
use crate::comment::{float, plain, set};

/// Build plates by the names of `curr_bed_type`, and how the keys of their temperatures begin.
const PLATES: [(&str, &str); 8] = [
    ("High Temp Plate", "hot_plate_temp"),
    ("Smooth PEI Plate / High Temp Plate", "hot_plate_temp"),
    ("Textured PEI Plate", "textured_plate_temp"),
    ("Cool Plate", "cool_plate_temp"),
    ("Engineering Plate", "eng_plate_temp"),
    ("Textured Cool Plate", "textured_cool_plate_temp"),
    ("Supertack Plate", "supertack_plate_temp"),
    ("Bambu Cool Plate SuperTack", "supertack_plate_temp"),
];
const FIRST_LAYER: &str = "_initial_layer";
/// Corners of a bed that are looked at: round ones have some hundred.
const CORNERS_MAX: usize = 1_000;
/// Longer is no bed, millimetres.
const BED_MAX: f64 = 100_000.0;

/// Gathers what a [`Summary`] says of the printer.
#[derive(Default)]
pub(crate) struct Machine {
    model: Option<String>,
    profile: Option<String>,
    bed: Option<[f64; 2]>,
    /// Of the layers after the first.
    extruder: Option<f64>,
    bed_temp: Option<f64>,
    /// Which of [`PLATES`] is mounted.
    plate: Option<usize>,
    /// Of each of [`PLATES`]: first layer, later layers.
    plates: [[Option<f64>; 2]; PLATES.len()],
}

impl Machine {
    pub(crate) fn read(&mut self, key: &[u8], value: &[u8]) {
        let warm = || float(value).filter(|c| *c > 0.0);
        match key {
            b"printer_model" | b"TARGET_MACHINE.NAME" | b"machine_type" => set(&mut self.model, plain(value)),
            b"printer_settings_id" => set(&mut self.profile, plain(value).filter(|name| names_printer(name))),
            b"bed_shape" | b"printable_area" => set(&mut self.bed, bed(value)),
            b"temperature" | b"nozzle_temperature" => set(&mut self.extruder, warm()),
            b"bed_temperature" => set(&mut self.bed_temp, warm()),
            b"curr_bed_type" => {
                let named = PLATES.iter().position(|(name, _)| plain(value).as_deref() == Some(*name));
                set(&mut self.plate, named);
            }
            _ if memchr::memmem::find(key, b"_plate_temp").is_some() => {
                for ((_, start), temps) in PLATES.iter().zip(&mut self.plates) {
                    match key.strip_prefix(start.as_bytes()) {
                        Some(rest) if rest == FIRST_LAYER.as_bytes() => set(&mut temps[0], warm()),
                        Some([]) => set(&mut temps[1], warm()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    pub(crate) fn finish(self, summary: &mut Summary) {
        let [first, later] = self.plates[self.plate.unwrap_or(0)];
        summary.printer_model = self.model;
        summary.printer_profile = self.profile;
        summary.bed_mm = self.bed;
        set(&mut summary.extruder_temp_c, self.extruder);
        set(&mut summary.bed_temp_c, first.or(later).or(self.bed_temp));
    }
}

/// Whether a profile's name is one that a person gave: not a file's, nor what slicers call theirs before there is any.
fn names_printer(profile: &str) -> bool {
    let name = profile.to_ascii_lowercase();
    ![".ini", ".json", ".3mf"].iter().any(|end| name.ends_with(end)) && !name.starts_with("- default")
}

/// Width and depth of a bed whose corners are told as `0x0,250x0,250x210,0x210`.
fn bed(text: &[u8]) -> Option<[f64; 2]> {
    let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    for corner in text.split(|b| *b == b',').take(CORNERS_MAX) {
        let corner = corner.trim_ascii();
        let (x, end) = number(corner, 0);
        let (Some(x), Some(b'x')) = (x, corner.get(end)) else { return None };
        for (axis, value) in [x, number(corner, end + 1).0?].into_iter().enumerate() {
            (low[axis], high[axis]) = (low[axis].min(value), high[axis].max(value));
        }
    }
    let size = [high[0] - low[0], high[1] - low[1]];
    size.iter().all(|side| (1.0..BED_MAX).contains(side)).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bed_is_as_large_as_its_corners_are_apart() {
        assert_eq!(bed(b"0x0,250x0,250x210,0x210"), Some([250.0, 210.0]));
        assert_eq!(bed(b"-90x0, 0x-90,90x0,0x90"), Some([180.0, 180.0]));
        for hostile in ["", "0x0", "0x0,1e9x1", "NaNxNaN", "0x0,99999999999x1", "0x0,250", "x,x"] {
            assert_eq!(bed(hostile.as_bytes()), None, "{hostile}");
        }
    }
}
