//! Limits from what a printer tells of itself.

use serde_json::{Map, Value};

use crate::{Features, Limits};

/// Klipper's own value where a configuration does not say.
const SQUARE_CORNER_VELOCITY: f64 = 5.0;
/// Slicers ask for this much everywhere.
const USUAL_SQUARE_CORNER_VELOCITY: f64 = 20.0;

/// What a printer did not tell of itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the printer does not tell {0}")]
pub struct Unread(pub &'static str);

impl Limits {
    /// Reads the objects `configfile` (`settings`), `toolhead` (`axis_minimum`, `axis_maximum`) and `gcode` (`commands`) of
    /// Klipper's status; the last may be missing.
    ///
    /// # Errors
    /// What a file cannot be checked without.
    pub fn of_printer(status: &Value) -> Result<Self, Unread> {
        let settings = status["configfile"]["settings"].as_object();
        let settings = settings.filter(|settings| !settings.is_empty()).ok_or(Unread("its configuration"))?;
        let axis = |which: &str| -> [Option<f64>; 3] {
            std::array::from_fn(|index| status["toolhead"][which][index].as_f64())
        };
        let (axis_min, axis_max) = (axis("axis_minimum"), axis("axis_maximum"));
        if axis_min.iter().chain(&axis_max).any(Option::is_none) {
            return Err(Unread("how far its axes reach"));
        }
        let max_temps = settings.iter().filter_map(|(section, options)| {
            options["max_temp"].as_f64().map(|max| (section.to_ascii_lowercase(), max))
        });
        let heaters: std::collections::BTreeMap<String, f64> = max_temps.collect();
        let lowest = |is_it: &dyn Fn(&str) -> bool| {
            let found = heaters.iter().filter(|(section, _)| is_it(section)).map(|(_, max)| *max);
            found.reduce(f64::min)
        };
        let extruder_max_temp = lowest(&|section| section.starts_with("extruder") && !section.contains(' '));
        if settings.contains_key("extruder") && extruder_max_temp.is_none() {
            return Err(Unread("how hot its nozzle may get"));
        }
        let printer = |option: &str| settings.get("printer").and_then(|section| section[option].as_f64());
        let (max_velocity, max_accel) = (printer("max_velocity"), printer("max_accel"));
        if max_velocity.is_none() || max_accel.is_none() {
            return Err(Unread("how fast it may move"));
        }
        let corner = printer("square_corner_velocity").unwrap_or(SQUARE_CORNER_VELOCITY);
        Ok(Self {
            extruder_max_temp,
            bed_max_temp: heaters.get("heater_bed").copied(),
            chamber_max_temp: lowest(&|section| {
                section.starts_with("heater_generic ") && section.contains("chamber")
            }),
            axis_min,
            axis_max,
            max_velocity,
            max_accel,
            square_corner_velocity: Some(corner.max(USUAL_SQUARE_CORNER_VELOCITY)),
            features: Some(features(settings, &status["gcode"]["commands"])),
            heaters,
            ..Self::default()
        })
    }
}

fn features(settings: &Map<String, Value>, commands: &Value) -> Features {
    let sections = settings.keys().map(|section| section.to_ascii_lowercase());
    let macros = settings.keys().filter_map(|section| section.split_once(' '));
    let macros = macros.filter(|(kind, _)| kind.eq_ignore_ascii_case("gcode_macro"));
    let macros = macros.map(|(_, name)| name.trim().to_ascii_uppercase());
    let commands = commands.as_object().into_iter().flat_map(Map::keys).cloned();
    Features { sections: sections.collect(), commands: macros.chain(commands).collect() }
}
