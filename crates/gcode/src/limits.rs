//! What a printer allows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::command::{Arguments, find_argument, number_text};
use crate::rules::table;
use crate::{Approvals, Axis, Heater, Refusal};

/// How far beyond the axes a move may seem to go before it is refused: a printer's own offsets shift coordinates a little.
pub(crate) const REACH_MARGIN_MM: f64 = 5.0;

/// What a printer allows. Whatever is absent is not checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// Millimetres a second.
    pub max_velocity: Option<f64>,
    /// Millimetres a second, squared.
    pub max_accel: Option<f64>,
    /// Millimetres a second.
    pub square_corner_velocity: Option<f64>,
    /// Heaters and sensors by the names of their sections in small letters, with the highest temperature of each.
    pub heaters: BTreeMap<String, f64>,
    /// What the printer's configuration is known to hold; absent where it is not known.
    pub features: Option<Features>,
    /// What the owner approved.
    pub approved: Approvals,
    /// Whether the usual macros of start, end and layers need no approval.
    pub conventional_macros: bool,
}

/// What a printer's configuration holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Features {
    /// Names of its sections, in small letters.
    pub sections: BTreeSet<String>,
    /// Macros and other commands that it defines, in capitals.
    pub commands: BTreeSet<String>,
}

/// A temperature a command asks for.
pub(crate) struct Heating {
    pub(crate) heater: Heater,
    pub(crate) celsius: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            extruder_max_temp: None,
            bed_max_temp: None,
            chamber_max_temp: None,
            other_max_temp: None,
            axis_min: [None; 3],
            axis_max: [None; 3],
            max_velocity: None,
            max_accel: None,
            square_corner_velocity: None,
            heaters: BTreeMap::new(),
            features: None,
            approved: Approvals::default(),
            conventional_macros: true,
        }
    }
}

impl Limits {
    /// Whether the printer defines a command; `None` where that is not known.
    pub(crate) fn defines(&self, command: &str) -> Option<bool> {
        self.features.as_ref().map(|features| features.commands.contains(command))
    }

    /// Whether a section is known to be missing.
    pub(crate) fn lacks(&self, section: &str) -> bool {
        self.features.as_ref().is_some_and(|features| !features.sections.contains(section))
    }

    /// What a heater of this short name may be asked for. `None` where the printer has no such heater.
    pub(crate) fn heater(&self, name: &str) -> Option<(Heater, Option<f64>)> {
        let name = name.to_ascii_lowercase();
        self.find(&name, |section| {
            let heats = !section.contains(' ') || section.starts_with("heater_generic ");
            heats && section.rsplit(' ').next() == Some(name.as_str())
        })
    }

    /// What may be waited for at a sensor of this name.
    pub(crate) fn sensor(&self, name: &str) -> Option<(Heater, Option<f64>)> {
        let name = name.to_ascii_lowercase();
        self.find(&name, |section| section == name)
    }

    /// For commands that do not name what they heat: a printer without it does nothing there.
    pub(crate) fn unnamed(&self, name: &str) -> Option<(Heater, Option<f64>)> {
        match name {
            "extruders" => Some((Heater::Extruder, self.extruder_max_temp)),
            "heater_bed" => Some((Heater::Bed, self.bed_max_temp)),
            "chamber" => Some((Heater::Chamber, self.chamber_max_temp)),
            _ => None,
        }
    }

    fn find(&self, name: &str, is_it: impl Fn(&str) -> bool) -> Option<(Heater, Option<f64>)> {
        let kind = heater_named(name.as_bytes());
        if self.features.is_some() {
            let found = self.heaters.iter().filter(|(section, _)| is_it(section)).map(|(_, max)| *max);
            return found.reduce(f64::min).map(|max| (kind, Some(max)));
        }
        let limit = match kind {
            Heater::Extruder => self.extruder_max_temp,
            Heater::Bed => self.bed_max_temp,
            Heater::Chamber => self.chamber_max_temp,
            Heater::Other => self.other_max_temp,
        };
        Some((kind, limit))
    }
}

/// The ends of the axes with their margin, ready for every move.
pub(crate) struct Reach {
    /// As they are told.
    ends: [(f64, f64); 3],
    /// As they are kept.
    bounds: [(f64, f64); 3],
}

impl Reach {
    /// `None` where no axis has an end.
    pub(crate) fn of(limits: &Limits) -> Option<Self> {
        let end = |axis: usize| {
            let min = limits.axis_min[axis].unwrap_or(f64::NEG_INFINITY);
            (min, limits.axis_max[axis].unwrap_or(f64::INFINITY))
        };
        let any = limits.axis_min.iter().chain(&limits.axis_max).any(Option::is_some);
        any.then(|| {
            let mut ends = [end(0), end(1), end(2)];
            let mut bounds = ends.map(|(min, max)| (min - REACH_MARGIN_MM, max + REACH_MARGIN_MM));
            // An axis may reach below the bed, for probing; a file has nothing to do there.
            ends[2].0 = ends[2].0.max(0.0);
            bounds[2].0 = bounds[2].0.max(-table().bed_margin);
            Self { ends, bounds }
        })
    }

    /// `places` are machine coordinates; what is not a number is not beyond anything.
    #[inline]
    pub(crate) fn check(&self, places: &[f64; 3], line: u64) -> Result<(), Refusal> {
        for (index, (lowest, highest)) in self.bounds.iter().enumerate() {
            let place = places[index];
            if place < *lowest || place > *highest {
                let axis = [Axis::X, Axis::Y, Axis::Z][index];
                let (min, max) = self.ends[index];
                return Err(Refusal::OutOfReach { line, axis, place, min, max });
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
    let (who, what) = if is("SET_HEATER_TEMPERATURE") {
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
