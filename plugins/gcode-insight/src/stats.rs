//! The figures of a file.

use sealpost_gcode::{Scanner, Summary};
use serde::Serialize;

use crate::InsightError;
use crate::feature::Kinds;
use crate::filament::Spools;
use crate::planner::Planner;
use crate::walk::{Heater, Move, TOOLS, Watcher, walk};

/// A layer lies at least this much above the one before, millimetres.
const LAYER_MIN: f64 = 0.001;

/// What a file prints. Millimetres, seconds, grams, degrees Celsius; what a slicer says is `stated`, the rest is measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// Bytes of the file.
    pub bytes: u64,
    /// Its lines.
    pub lines: u64,
    /// Name and version of the slicer, where it signed the file.
    pub slicer: Option<String>,
    /// How long the print takes.
    pub time: Time,
    /// Layers of the part.
    pub layers: Layers,
    /// The box around what is printed, without purge lines and skirts; none when nothing is.
    pub bounds: Option<Bounds>,
    /// What moves.
    pub moves: Moves,
    /// By extruder, those that are used.
    pub filament: Vec<Filament>,
    /// Of all extruders, millimetres.
    pub filament_mm: f64,
    /// Of all extruders, grams; none when the density of one is unknown.
    pub filament_g: Option<f64>,
    /// What the slicer says of all extruders, grams.
    pub filament_stated_g: Option<f64>,
    /// By what slicers name in comments, longest time first.
    pub features: Vec<Feature>,
    /// The highest targets of the print.
    pub temperatures: Temperatures,
}

/// Seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Time {
    /// By the slicer, which knows its printer.
    pub stated_s: Option<u64>,
    /// Reckoned from the moves, with the accelerations the file names.
    pub estimated_s: f64,
}

/// Layers of the part.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Layers {
    /// As written by the slicer, else as measured.
    pub count: u32,
    /// Heights at which something is printed.
    pub measured: u32,
    /// Millimetres.
    pub height_mm: Option<f64>,
    /// Millimetres.
    pub first_height_mm: Option<f64>,
}

/// A box, millimetres: X, Y, Z.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bounds {
    /// Its lowest corner.
    pub min: [f64; 3],
    /// Its highest corner.
    pub max: [f64; 3],
    /// What lies between.
    pub size: [f64; 3],
}

/// What moves.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Moves {
    /// Straight moves that lay plastic, chords of arcs among them.
    pub print: u64,
    /// Moves that lay none.
    pub travel: u64,
    /// Commands for an arc.
    pub arcs: u64,
    /// Times the filament is pulled back.
    pub retractions: u64,
    /// Millimetres.
    pub print_mm: f64,
    /// Millimetres.
    pub travel_mm: f64,
    /// The fastest that lays plastic, millimetres a second.
    pub print_mm_s_max: f64,
}

/// What one extruder uses.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Filament {
    /// Which, from 0.
    pub tool: usize,
    /// Such as `PLA`, where the file says so.
    pub material: Option<String>,
    /// Such as `#ff8000`, where the file says so.
    pub colour: Option<String>,
    /// Millimetres.
    pub length_mm: f64,
    /// Cubic centimetres.
    pub volume_cm3: f64,
    /// Grams.
    pub weight_g: Option<f64>,
}

/// One kind of what is printed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Feature {
    /// As the slicer names it; empty where it names nothing.
    pub name: String,
    /// Millimetres of plastic laid.
    pub print_mm: f64,
    /// Millimetres of filament.
    pub filament_mm: f64,
    /// Seconds, travel included.
    pub time_s: f64,
}

/// The highest targets, degrees Celsius.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Temperatures {
    /// Of any extruder.
    pub nozzle_c: Option<f64>,
    /// Of the bed.
    pub bed_c: Option<f64>,
    /// Of the chamber.
    pub chamber_c: Option<f64>,
}

/// The figures of a whole file.
///
/// # Errors
/// When the bytes are no G-code.
pub fn stats(gcode: &[u8]) -> Result<Stats, InsightError> {
    let mut scanner = Scanner::new(None);
    scanner.update(gcode);
    let report = scanner.finish();
    report.check()?;
    let mut counter = Counter::new();
    walk(gcode, &mut counter);
    Ok(counter.finish(report.bytes, report.lines, report.summary))
}

/// The box around what is printed: of parts, or of anything when there are none.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    part: Option<([f64; 3], [f64; 3])>,
    other: Option<([f64; 3], [f64; 3])>,
}

impl Extent {
    pub(crate) const fn new() -> Self {
        Self { part: None, other: None }
    }

    /// Takes a move that prints.
    pub(crate) fn add(&mut self, step: &Move, beside: bool) {
        let place = if beside { &mut self.other } else { &mut self.part };
        let (min, max) = place.get_or_insert((step.from, step.from));
        for corner in [step.from, step.to] {
            for axis in 0..3 {
                min[axis] = min[axis].min(corner[axis]);
                max[axis] = max[axis].max(corner[axis]);
            }
        }
    }

    /// Whether there are parts at all.
    pub(crate) fn has_part(&self) -> bool {
        self.part.is_some()
    }

    pub(crate) fn bounds(&self) -> Option<Bounds> {
        let (min, max) = self.part.or(self.other)?;
        Some(Bounds { min, max, size: [0, 1, 2].map(|axis| max[axis] - min[axis]) })
    }
}

struct Counter {
    kinds: Kinds,
    spools: Spools,
    planner: Planner,
    extent: Extent,
    moves: Moves,
    temperatures: Temperatures,
    filament: [f64; TOOLS],
    /// Of each kind: millimetres laid, millimetres of filament.
    laid: Vec<(f64, f64)>,
    pulled_back: bool,
    layers: u32,
    top: f64,
}

impl Counter {
    fn new() -> Self {
        Self {
            kinds: Kinds::new(),
            spools: Spools::default(),
            planner: Planner::new(),
            extent: Extent::new(),
            moves: Moves::default(),
            temperatures: Temperatures::default(),
            filament: [0.0; TOOLS],
            laid: Vec::new(),
            pulled_back: false,
            layers: 0,
            top: 0.0,
        }
    }

    fn finish(self, bytes: u64, lines: u64, said: Summary) -> Stats {
        let filament = by_tool(&self.filament, &self.spools);
        let weights: Option<Vec<f64>> = filament.iter().map(|one| one.weight_g).collect();
        let seconds = self.planner.end();
        Stats {
            bytes,
            lines,
            slicer: said.slicer.map(|name| match said.slicer_version {
                Some(version) => format!("{name} {version}"),
                None => name,
            }),
            time: Time { stated_s: said.estimated_time_s, estimated_s: rounded(seconds.iter().sum()) },
            layers: Layers {
                count: said.layers.unwrap_or(self.layers),
                measured: self.layers,
                height_mm: said.layer_height_mm,
                first_height_mm: said.first_layer_height_mm,
            },
            bounds: self.extent.bounds().map(|bounds| Bounds {
                min: bounds.min.map(rounded),
                max: bounds.max.map(rounded),
                size: bounds.size.map(rounded),
            }),
            moves: Moves {
                print_mm: rounded(self.moves.print_mm),
                travel_mm: rounded(self.moves.travel_mm),
                print_mm_s_max: rounded(self.moves.print_mm_s_max),
                ..self.moves
            },
            filament_mm: rounded(filament.iter().map(|one| one.length_mm).sum()),
            filament_g: weights.map(|weights| rounded(weights.iter().sum())),
            filament_stated_g: said.filament_used_g,
            filament,
            features: features(self.kinds, &self.laid, &seconds),
            temperatures: self.temperatures,
        }
    }
}

impl Watcher for Counter {
    fn moves(&mut self, step: &Move) {
        let kind = self.kinds.current();
        self.filament[step.tool] += step.filament;
        self.planner.moves(step.across(), step.filament, step.speed, kind);
        if self.laid.len() <= kind {
            self.laid.resize(kind + 1, (0.0, 0.0));
        }
        self.laid[kind].1 += step.filament;
        let pulls = step.filament < 0.0;
        self.moves.retractions += u64::from(pulls && !self.pulled_back);
        self.pulled_back = pulls || (self.pulled_back && step.filament == 0.0);
        let length = step.length();
        if step.prints() {
            self.moves.print += 1;
            self.moves.print_mm += length;
            self.moves.print_mm_s_max = self.moves.print_mm_s_max.max(step.speed);
            self.laid[kind].0 += length;
            self.extent.add(step, self.kinds.beside());
            if step.from[2] == step.to[2] && step.to[2] > self.top + LAYER_MIN && !self.kinds.beside() {
                self.layers = self.layers.saturating_add(1);
                self.top = step.to[2];
            }
        } else if length > 0.0 {
            self.moves.travel += 1;
            self.moves.travel_mm += length;
        }
    }

    fn comment(&mut self, text: &[u8]) {
        self.kinds.comment(text);
        self.spools.comment(text);
    }

    fn acceleration(&mut self, value: f64) {
        self.planner.accelerate(value);
    }

    fn waits(&mut self, seconds: f64) {
        self.planner.waits(seconds, self.kinds.current());
    }

    fn heats(&mut self, heater: Heater, celsius: f64) {
        let target = match heater {
            Heater::Nozzle => &mut self.temperatures.nozzle_c,
            Heater::Bed => &mut self.temperatures.bed_c,
            Heater::Chamber => &mut self.temperatures.chamber_c,
        };
        *target = Some(target.map_or(celsius, |highest| highest.max(celsius)));
    }

    fn arc(&mut self) {
        self.moves.arcs += 1;
    }
}

fn by_tool(lengths: &[f64; TOOLS], spools: &Spools) -> Vec<Filament> {
    let used = lengths.iter().enumerate().filter(|(_, length)| **length > 0.0);
    used.map(|(tool, &length)| {
        let volume = spools.volume(tool, length) / 1000.0;
        Filament {
            tool,
            material: spools.material(tool).filter(|name| !name.is_empty()),
            colour: spools.colour(tool).filter(|colour| !colour.is_empty()),
            length_mm: rounded(length),
            volume_cm3: rounded(volume),
            weight_g: spools.density(tool).map(|density| rounded(volume * density)),
        }
    })
    .collect()
}

fn features(kinds: Kinds, laid: &[(f64, f64)], seconds: &[f64]) -> Vec<Feature> {
    let features = kinds.names().into_iter().enumerate().map(|(kind, name)| {
        let (print_mm, filament_mm) = laid.get(kind).copied().unwrap_or_default();
        let time_s = seconds.get(kind).copied().unwrap_or_default();
        Feature {
            name,
            print_mm: rounded(print_mm),
            filament_mm: rounded(filament_mm),
            time_s: rounded(time_s),
        }
    });
    let mut features: Vec<Feature> = features.filter(|one| one.print_mm > 0.0 || one.time_s > 0.0).collect();
    features.sort_by(|a, b| b.time_s.total_cmp(&a.time_s));
    features
}

/// To thousandths.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
