//! What a printer allows.

use serde::{Deserialize, Serialize};

use crate::command::{Arguments, find_argument, number_text};
use crate::{Axis, Heater, Refusal};

/// How far beyond the axes a move may seem to go before it is refused: a printer's own offsets shift coordinates a little.
pub(crate) const REACH_MARGIN_MM: f64 = 5.0;

/// What a printer allows. Whatever is absent is not checked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Degrees Celsius, for every nozzle.
    pub extruder_max_temp: Option<f64>,
    /// Degrees Celsius.
    pub bed_max_temp: Option<f64>,
    /// Degrees Celsius.
    pub chamber_max_temp: Option<f64>,
    /// Degrees Celsius, for every other heater.
    pub other_max_temp: Option<f64>,
    /// Lower ends of X, Y and Z, millimetres.
    pub axis_min: [Option<f64>; 3],
    /// Upper ends of X, Y and Z, millimetres.
    pub axis_max: [Option<f64>; 3],
}

/// A temperature a command asks for.
pub(crate) struct Heating {
    pub(crate) heater: Heater,
    pub(crate) celsius: f64,
}

impl Limits {
    pub(crate) fn check_heating(&self, heating: &Heating, line: u64) -> Result<(), Refusal> {
        let limit = match heating.heater {
            Heater::Extruder => self.extruder_max_temp,
            Heater::Bed => self.bed_max_temp,
            Heater::Chamber => self.chamber_max_temp,
            Heater::Other => self.other_max_temp,
        };
        match limit {
            Some(limit) if heating.celsius > limit => {
                Err(Refusal::TooHot { line, heater: heating.heater, asked: heating.celsius, limit })
            }
            _ => Ok(()),
        }
    }
}

/// The ends of the axes with their margin, ready for every move.
pub(crate) struct Reach {
    ends: [(f64, f64); 3],
}

impl Reach {
    /// `None` where no axis has an end.
    pub(crate) fn of(limits: &Limits) -> Option<Self> {
        let end = |axis: usize| {
            let min = limits.axis_min[axis].unwrap_or(f64::NEG_INFINITY);
            (min, limits.axis_max[axis].unwrap_or(f64::INFINITY))
        };
        let any = limits.axis_min.iter().chain(&limits.axis_max).any(Option::is_some);
        any.then(|| Self { ends: [end(0), end(1), end(2)] })
    }

    /// `places` are machine coordinates; what is not a number is not beyond anything.
    #[inline]
    pub(crate) fn check(&self, places: &[f64; 3], line: u64) -> Result<(), Refusal> {
        for (index, (min, max)) in self.ends.iter().enumerate() {
            let place = places[index];
            if place < min - REACH_MARGIN_MM || place > max + REACH_MARGIN_MM {
                let axis = [Axis::X, Axis::Y, Axis::Z][index];
                return Err(Refusal::OutOfReach { line, axis, place, min: *min, max: *max });
            }
        }
        Ok(())
    }
}

/// What `M104 S210` and its like ask for. Of several values the highest counts.
pub(crate) fn heating_of_m(code: u32, arguments: Arguments<'_>) -> Option<Heating> {
    let heater = match code {
        104 | 109 => Heater::Extruder,
        140 | 190 => Heater::Bed,
        141 | 191 => Heater::Chamber,
        _ => return None,
    };
    let celsius =
        arguments.letters().filter(|(letter, _)| matches!(letter, b'S' | b'R')).filter_map(|(_, v)| v);
    celsius.reduce(f64::max).map(|celsius| Heating { heater, celsius })
}

/// What `SET_HEATER_TEMPERATURE HEATER=extruder TARGET=210` and its like ask for.
pub(crate) fn heating_of_name(name: &[u8], arguments: &[u8]) -> Option<Heating> {
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    let (who, what) = if is("SET_HEATER_TEMPERATURE") || is("PID_CALIBRATE") || is("MPC_CALIBRATE") {
        ("HEATER", "TARGET")
    } else if is("TEMPERATURE_WAIT") {
        ("SENSOR", "MINIMUM")
    } else {
        return None;
    };
    let celsius = number_text(find_argument(arguments, what)?)?;
    Some(Heating { heater: heater_named(find_argument(arguments, who)?), celsius })
}

fn heater_named(name: &[u8]) -> Heater {
    let name = name.to_ascii_lowercase();
    // `heater_generic chamber` and `extruder1` are named by what their last word begins with.
    let last = name.rsplit(|b| *b == b' ').next().unwrap_or_default();
    if last.starts_with(b"extruder") {
        Heater::Extruder
    } else if last == b"heater_bed" {
        Heater::Bed
    } else if memchr::memmem::find(last, b"chamber").is_some() {
        Heater::Chamber
    } else {
        Heater::Other
    }
}
