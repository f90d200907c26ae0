//! Filament by extruder: what is used and what slicers say it is.

use crate::number::number;
use crate::walk::TOOLS;

/// Millimetres, where the file does not say.
const DIAMETER: f64 = 1.75;
/// Longest name that is kept, characters.
const NAME_MAX: usize = 40;

/// Grams per cubic centimetre of what is commonly printed; the longest name a material begins with counts.
const DENSITIES: [(&str, f64); 14] = [
    ("ABS", 1.04),
    ("ASA", 1.07),
    ("CPE", 1.25),
    ("FLEX", 1.21),
    ("HIPS", 1.04),
    ("NYLON", 1.14),
    ("PA", 1.14),
    ("PC", 1.20),
    ("PET", 1.27),
    ("PLA", 1.24),
    ("PP", 0.90),
    ("PVA", 1.19),
    ("PVB", 1.08),
    ("TPU", 1.21),
];

/// What is read from comments, one value an extruder.
#[derive(Default)]
pub(crate) struct Spools {
    materials: Vec<String>,
    colours: Vec<String>,
    diameters: Vec<f64>,
    densities: Vec<f64>,
}

impl Spools {
    /// Reads a comment; most are of another sort. The first of a kind wins.
    pub(crate) fn comment(&mut self, text: &[u8]) {
        if !text.starts_with(b"filament") {
            return;
        }
        let Some(at) = text.iter().position(|byte| matches!(byte, b'=' | b':')) else { return };
        let values = &text[at + 1..];
        match text[..at].trim_ascii() {
            b"filament_type" => fill(&mut self.materials, values, name),
            b"filament_colour" => fill(&mut self.colours, values, colour),
            b"filament_diameter" => fill(&mut self.diameters, values, measure),
            b"filament_density" => fill(&mut self.densities, values, measure),
            _ => {}
        }
    }

    pub(crate) fn material(&self, tool: usize) -> Option<String> {
        self.materials.get(tool).or(self.materials.first()).cloned()
    }

    pub(crate) fn colour(&self, tool: usize) -> Option<String> {
        self.colours.get(tool).cloned()
    }

    /// Cubic millimetres of so many millimetres.
    pub(crate) fn volume(&self, tool: usize, length: f64) -> f64 {
        let diameter = of(&self.diameters, tool).unwrap_or(DIAMETER);
        length * diameter * diameter * std::f64::consts::FRAC_PI_4
    }

    /// Grams per cubic centimetre; none where neither the file nor the material tells.
    pub(crate) fn density(&self, tool: usize) -> Option<f64> {
        of(&self.densities, tool).or_else(|| {
            let material = self.material(tool)?.to_ascii_uppercase();
            let known = DENSITIES.iter().filter(|(name, _)| material.starts_with(name));
            known.max_by_key(|(name, _)| name.len()).map(|(_, density)| *density)
        })
    }
}

fn of(values: &[f64], tool: usize) -> Option<f64> {
    values.get(tool).or(values.first()).copied().filter(|value| *value > 0.0)
}

fn fill<T>(values: &mut Vec<T>, text: &[u8], read: fn(&[u8]) -> T) {
    if values.is_empty() {
        let separator = |byte: &u8| matches!(byte, b',' | b';');
        values.extend(text.split(separator).take(TOOLS).map(|value| read(value.trim_ascii())));
    }
}

fn name(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(4 * NAME_MAX)]);
    text.trim().trim_matches('"').chars().filter(|c| !c.is_control()).take(NAME_MAX).collect()
}

/// Nothing but `#` and six digits, so that a page may use it as it is.
fn colour(text: &[u8]) -> String {
    let text = text.trim_ascii();
    let digits = text.strip_prefix(b"#").filter(|d| d.len() == 6 && d.iter().all(u8::is_ascii_hexdigit));
    digits.map(|_| String::from_utf8_lossy(text).to_ascii_lowercase()).unwrap_or_default()
}

/// Zero where there is none.
fn measure(text: &[u8]) -> f64 {
    number(text).0.filter(|value| (0.0..100.0).contains(value)).unwrap_or(0.0)
}
