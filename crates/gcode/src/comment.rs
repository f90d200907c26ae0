//! What slicers write into comments. The first value of a kind wins, so a footer cannot overrule a header.

use crate::command::number;
use crate::machine::Machine;
use crate::slicer::{duration, identify};
use crate::{Extent, Summary};

/// Comments after which nobody names the slicer any more.
const NAMING_COMMENTS: u32 = 1000;
/// Longest text that is kept, characters.
const TEXT_MAX: usize = 120;

/// More is a mistake, no temperature.
const CELSIUS_MAX: f64 = 2000.0;

/// Gathers a [`Summary`].
#[derive(Default)]
pub(crate) struct Comments {
    summary: Summary,
    machine: Machine,
    seen: u32,
    layer_changes: u32,
    layer_numbers: Option<u32>,
    top: Option<f64>,
    first_height: Option<f64>,
    second_height: Option<f64>,
    first_height_percent: Option<f64>,
    asked_extruder: Option<f64>,
    asked_bed: Option<f64>,
}

impl Comments {
    /// Takes a comment without its semicolon and outer spaces.
    pub(crate) fn read(&mut self, text: &[u8]) {
        // By far the most comments of a file.
        if text.starts_with(b"TYPE:") || text.starts_with(b"WIDTH:") || text.is_empty() {
            return;
        }
        self.seen = self.seen.saturating_add(1);
        if self.summary.slicer.is_none()
            && self.seen < NAMING_COMMENTS
            && let Some((name, version)) = identify(text)
        {
            self.summary.slicer = Some(name);
            self.summary.slicer_version = Some(version).filter(|v| !v.is_empty());
            return;
        }
        if self.read_layer(text) {
            return;
        }
        let Some(at) = memchr::memchr2(b'=', b':', text).or_else(|| memchr::memchr(b',', text)) else {
            if let Some(version) = text.strip_prefix(b"version ")
                && self.summary.slicer.is_some()
                && self.summary.slicer_version.is_none()
            {
                self.summary.slicer_version = plain(version);
            }
            return;
        };
        let (key, value) = (text[..at].trim_ascii(), text[at + 1..].trim_ascii());
        self.read_field(key, value);
    }

    /// `SET_PRINT_STATS_INFO TOTAL_LAYER=`
    pub(crate) fn total_layers(&mut self, value: &[u8]) {
        set(&mut self.summary.layers, positive(value));
    }

    /// `SET_PRINT_STATS_INFO CURRENT_LAYER=`, counted from 1.
    pub(crate) fn current_layer(&mut self, value: &[u8]) {
        self.layer_numbers = self.layer_numbers.max(positive(value).map(|n| n - 1));
    }

    /// The hottest that commands ask for stands in for a missing comment: what comes first may be a preheating.
    pub(crate) fn heats_extruder(&mut self, celsius: f64) {
        hottest(&mut self.asked_extruder, celsius);
    }

    pub(crate) fn heats_bed(&mut self, celsius: f64) {
        hottest(&mut self.asked_bed, celsius);
    }

    /// `top` is the highest place something was extruded at, `extent` where anything was.
    pub(crate) fn finish(self, top: Option<f64>, extent: Option<Extent>) -> Summary {
        let mut summary = self.summary;
        let counted = self.layer_changes.max(self.layer_numbers.map_or(0, |n| n.saturating_add(1)));
        summary.layers = summary.layers.or(Some(counted).filter(|n| *n > 0));
        summary.layer_height_mm = summary.layer_height_mm.or(self.second_height);
        let percent = self.first_height_percent.zip(summary.layer_height_mm).map(|(p, h)| p * h / 100.0);
        summary.first_layer_height_mm = summary.first_layer_height_mm.or(percent).or(self.first_height);
        summary.object_height_mm = summary.object_height_mm.or(self.top).or(top);
        summary.extent_mm = extent;
        self.machine.finish(&mut summary);
        set(&mut summary.extruder_temp_c, self.asked_extruder);
        set(&mut summary.bed_temp_c, self.asked_bed);
        summary
    }

    fn read_layer(&mut self, text: &[u8]) -> bool {
        if text == b"LAYER_CHANGE" || text == b"CHANGE_LAYER" || text.starts_with(b"BEGIN_LAYER_OBJECT") {
            self.layer_changes = self.layer_changes.saturating_add(1);
        } else if let Some(n) = text.strip_prefix(b"LAYER:") {
            // Rafts of Cura have negative numbers and are no layers of the part.
            if let Some(n) = whole(n) {
                self.layer_numbers = self.layer_numbers.max(Some(n));
            }
        } else if let Some(rest) = text.strip_prefix(b"layer ") {
            // Simplify3D: `layer 12, Z = 2.400`
            let Some(z) = rest.iter().position(|b| *b == b'=').and_then(|at| float(&rest[at + 1..])) else {
                return false;
            };
            self.layer_changes = self.layer_changes.saturating_add(1);
            self.rise(z);
        } else if text.starts_with(b"; --- layer ") {
            self.layer_changes = self.layer_changes.saturating_add(1);
        } else if let Some(z) = text.strip_prefix(b"Z:") {
            if let Some(z) = float(z) {
                self.rise(z);
            }
        } else if let Some(height) = text.strip_prefix(b"HEIGHT:") {
            let layer = self.layer_changes.max(self.layer_numbers.map_or(0, |n| n.saturating_add(1)));
            match layer {
                0 | 1 => self.first_height = self.first_height.or_else(|| float(height)),
                2 => self.second_height = self.second_height.or_else(|| float(height)),
                _ => {}
            }
        } else {
            return false;
        }
        true
    }

    fn read_field(&mut self, key: &[u8], value: &[u8]) {
        let s = &mut self.summary;
        match key {
            b"TIME"
            | b"Print Time"
            | b"estimated_print_time_s"
            | b"--- print time"
            | b"Build time"
            | b"Build Time"
            | b"Calculated-during-export Build Time"
            | b"estimated printing time (normal mode)"
            | b"estimated printing time" => set(&mut s.estimated_time_s, duration(value)),
            b"model printing time" => {
                // `5m 3s; total estimated time: 12m 5s`
                let total = memchr::memmem::rfind(value, b":").map_or(value, |at| &value[at + 1..]);
                set(&mut s.estimated_time_s, duration(total));
            }
            b"total estimated time" => set(&mut s.estimated_time_s, duration(value)),
            b"total layers count" | b"total layer number" | b"LAYER_COUNT" | b"layer_count" => {
                set(&mut s.layers, positive(value));
            }
            b"layer_height"
            | b"Layer height"
            | b"layerHeight"
            | b"max_layer_thickness_mm"
            | b"z_layer_height_mm"
            | b"sliceHeight" => set(&mut s.layer_height_mm, float(value)),
            b"first_layer_height"
            | b"initial_layer_print_height"
            | b"first_layer_thickness_mm"
            | b"MINZ"
            | b"z_layer_height_first_layer_mm"
            | b"firstSliceHeight" => {
                if value.ends_with(b"%") {
                    set(&mut self.first_height_percent, float(value));
                } else {
                    set(&mut s.first_layer_height_mm, float(value));
                }
            }
            b"max_z_height" | b"MAXZ" | b"print_height_mm" => set(&mut s.object_height_mm, float(value)),
            b"END_LAYER_OBJECT z" => {
                if let Some(z) = float(value) {
                    self.rise(z);
                }
            }
            b"nozzle_diameter"
            | b"Nozzle diameter"
            | b"extruderDiameter"
            | b"nozzleDiameter"
            | b"nozzle_diameter_mm_0" => set(&mut s.nozzle_diameter_mm, float(value)),
            b"Dimension" => {
                set(&mut s.nozzle_diameter_mm, value.rsplit(|b| *b == b' ').next().and_then(float))
            }
            b"first_layer_temperature"
            | b"nozzle_temperature_initial_layer"
            | b"first_layer_C"
            | b"extruder_temp_degree_c_0"
            | b"firstLayerNozzleTemp" => {
                set(&mut s.extruder_temp_c, float(value).filter(|c| *c > 0.0));
            }
            b"first_layer_bed_temperature" | b"bed_C" | b"bed_temp_degree_c" | b"firstLayerBedTemp" => {
                set(&mut s.bed_temp_c, float(value).filter(|c| *c > 0.0))
            }
            b"chamber_temperature" | b"chamber_temperatures" | b"chamber_C" | b"chamber_temp_degree_c" => {
                set(&mut s.chamber_temp_c, float(value).filter(|c| *c > 0.0));
            }
            _ => self.read_filament(key, value),
        }
    }

    fn read_filament(&mut self, key: &[u8], value: &[u8]) {
        let s = &mut self.summary;
        match key {
            b"filament used [mm]"
            | b"total filament length [mm]"
            | b"--- filament used"
            | b"filament_used_mm"
            | b"Filament length"
            | b"Material Length" => set(&mut s.filament_used_mm, sum(value)),
            // Cura counts in metres, one number an extruder.
            b"Filament used" => set(&mut s.filament_used_mm, sum(value).map(|metres| metres * 1000.0)),
            b"filament used [g]"
            | b"total filament used [g]"
            | b"total filament weight [g]"
            | b"filament_used_g"
            | b"Plastic weight"
            | b"Material Weight"
            | b"Filament weight" => {
                set(&mut s.filament_used_g, sum(value).filter(|g| *g > 0.0));
            }
            b"filament_type" | b"Filament type" | b"printMaterial" | b"Filament Type #1" => {
                set(&mut s.filament_type, names(value));
            }
            b"filament_settings_id" | b"Filament name" | b"filament_name" | b"Filament Name #1" => {
                set(&mut s.filament_name, names(value));
            }
            // One line an extruder: they add up.
            _ if key.starts_with(b"Ext #") || (key.starts_with(b"Material#") && key.ends_with(b"Used")) => {
                if let Some(mm) = float(value) {
                    s.filament_used_mm = Some(s.filament_used_mm.unwrap_or(0.0) + mm);
                }
            }
            _ => self.machine.read(key, value),
        }
    }

    fn rise(&mut self, z: f64) {
        self.top = if Some(z) > self.top { Some(z) } else { self.top };
    }
}

pub(crate) fn set<T>(field: &mut Option<T>, value: Option<T>) {
    if field.is_none() {
        *field = value;
    }
}

fn hottest(field: &mut Option<f64>, celsius: f64) {
    if (1.0..CELSIUS_MAX).contains(&celsius) && Some(celsius) > *field {
        *field = Some(celsius);
    }
}

/// The first number of a text; measures are never negative.
pub(crate) fn float(text: &[u8]) -> Option<f64> {
    let text = text.trim_ascii_start();
    let start = usize::from(matches!(text, [b'[' | b'"', ..]));
    number(text, start).0.filter(|value| (0.0..1e9).contains(value))
}

fn whole(text: &[u8]) -> Option<u32> {
    float(text).filter(|value| value.fract() == 0.0 && *value < f64::from(u32::MAX)).map(|value| value as u32)
}

fn positive(text: &[u8]) -> Option<u32> {
    whole(text).filter(|n| *n > 0)
}

/// The sum of numbers separated by commas or semicolons.
fn sum(text: &[u8]) -> Option<f64> {
    let numbers = text.split(|b| matches!(b, b',' | b';')).filter_map(float);
    numbers.fold(None, |total, more| Some(total.unwrap_or(0.0) + more))
}

/// Names separated by commas or semicolons: each once, without quotes, joined by `;`.
fn names(text: &[u8]) -> Option<String> {
    let mut joined = String::new();
    for name in text.split(|b| matches!(b, b',' | b';')).filter_map(plain) {
        if joined.split(';').all(|known| known != name) && joined.len() + name.len() < TEXT_MAX {
            joined.push_str(if joined.is_empty() { "" } else { ";" });
            joined.push_str(&name);
        }
    }
    (!joined.is_empty()).then_some(joined)
}

pub(crate) fn plain(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text.get(..text.len().min(4 * TEXT_MAX))?);
    let text: String =
        text.trim().trim_matches(['"', '\\']).chars().filter(|c| is_shown(*c)).take(TEXT_MAX).collect();
    (!text.is_empty()).then_some(text)
}

/// Whether a character stands for itself: neither a control character nor one that turns or hides those around it.
fn is_shown(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
