//! Follows the tool through a file. Rules as in Klipper's `gcode_move`.

use crate::number::{Words, argument, command};

/// Chords an arc is drawn and measured by, at most.
const CHORDS: u32 = 128;
/// A chord of an arc turns by about this much, radians.
const CHORD: f64 = 0.15;
/// Speed before the file names one, millimetres a second.
const FIRST_SPEED: f64 = 25.0;
/// Extruders that are told apart.
pub(crate) const TOOLS: usize = 16;

/// One straight move.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Move {
    /// Millimetres; not a number where no one knows.
    pub(crate) from: [f64; 3],
    /// Millimetres; not a number where no one knows.
    pub(crate) to: [f64; 3],
    /// Millimetres of filament, negative when it is pulled back.
    pub(crate) filament: f64,
    /// Millimetres a second.
    pub(crate) speed: f64,
    /// Which extruder, below [`TOOLS`].
    pub(crate) tool: usize,
}

/// What happens in a file, in its order.
pub(crate) trait Watcher {
    /// The tool moves, or only the filament does.
    fn moves(&mut self, step: &Move);
    /// A comment, without its semicolon and outer spaces.
    fn comment(&mut self, _text: &[u8]) {}
    /// Millimetres per second squared from here on.
    fn acceleration(&mut self, _value: f64) {}
    /// Nothing moves for so many seconds.
    fn waits(&mut self, _seconds: f64) {}
    /// A heater gets its target, degrees Celsius.
    fn heats(&mut self, _heater: Heater, _celsius: f64) {}
    /// An arc was begun; its chords follow as moves.
    fn arc(&mut self) {}
}

/// What is heated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heater {
    Nozzle,
    Bed,
    Chamber,
}

impl Move {
    /// Length of the way, millimetres; an axis whose place is unknown counts nothing.
    pub(crate) fn length(&self) -> f64 {
        self.across().map(|d| d * d).iter().sum::<f64>().sqrt()
    }

    /// How far along each axis, millimetres.
    pub(crate) fn across(&self) -> [f64; 3] {
        [0, 1, 2].map(|axis| {
            let across = self.to[axis] - self.from[axis];
            if across.is_nan() { 0.0 } else { across }
        })
    }

    /// Whether a line of plastic is laid between known places.
    pub(crate) fn prints(&self) -> bool {
        let known = self.from.iter().chain(&self.to).all(|place| place.is_finite());
        known && self.filament > 0.0 && self.length() > 0.0
    }
}

/// Follows the whole file.
pub(crate) fn walk(gcode: &[u8], watcher: &mut impl Watcher) {
    let mut walker = Walker::new();
    for line in gcode.split(|byte| *byte == b'\n') {
        let (code, comment) = match line.iter().position(|byte| *byte == b';') {
            Some(at) => (&line[..at], Some(&line[at + 1..])),
            None => (line, None),
        };
        let code = code.trim_ascii();
        if !code.is_empty() {
            walker.command(code, watcher);
        }
        if let Some(comment) = comment {
            watcher.comment(comment.trim_ascii());
        }
    }
}

struct Walker {
    place: [f64; 3],
    /// What `G92` adds to a coordinate.
    base: [f64; 3],
    relative: bool,
    relative_filament: bool,
    /// Where the extruder is said to be.
    filament: f64,
    speed: f64,
    /// Millimetres in the file's unit.
    unit: f64,
    tool: usize,
}

impl Walker {
    fn new() -> Self {
        Self {
            place: [f64::NAN; 3],
            base: [0.0; 3],
            relative: false,
            relative_filament: false,
            filament: 0.0,
            speed: FIRST_SPEED,
            unit: 1.0,
            tool: 0,
        }
    }

    fn command(&mut self, code: &[u8], watcher: &mut impl Watcher) {
        let velocity = b"SET_VELOCITY_LIMIT";
        if code.len() > velocity.len() && code[..velocity.len()].eq_ignore_ascii_case(velocity) {
            accelerate(argument(code, "ACCEL"), watcher);
            return;
        }
        let Some((letter, number, words)) = command(code) else { return };
        let word =
            |wanted| words.into_iter().filter(|(letter, _)| *letter == wanted).find_map(|(_, value)| value);
        match (letter, number) {
            (b'G', 0 | 1) => self.go(words, watcher),
            (b'G', 2 | 3) => self.arc(words, number == 2, watcher),
            (b'G', 4) => {
                let seconds = word(b'S').or_else(|| word(b'P').map(|ms| ms / 1000.0));
                watcher.waits(seconds.unwrap_or(0.0).max(0.0));
            }
            (b'G', 20) => self.unit = 25.4,
            (b'G', 21) => self.unit = 1.0,
            (b'G', 28) => self.home(words),
            (b'G', 90) => (self.relative, self.relative_filament) = (false, false),
            (b'G', 91) => (self.relative, self.relative_filament) = (true, true),
            (b'G', 92) => self.rename_place(words),
            (b'M', 82) => self.relative_filament = false,
            (b'M', 83) => self.relative_filament = true,
            (b'M', 104 | 109) => heat(Heater::Nozzle, word(b'S'), watcher),
            (b'M', 140 | 190) => heat(Heater::Bed, word(b'S'), watcher),
            (b'M', 141 | 191) => heat(Heater::Chamber, word(b'S'), watcher),
            (b'M', 204) => accelerate(word(b'S').or_else(|| word(b'P')), watcher),
            (b'T', tool) => self.tool = (tool as usize).min(TOOLS - 1),
            _ => {}
        }
    }

    fn go(&mut self, words: Words<'_>, watcher: &mut impl Watcher) {
        let (to, filament) = self.target(words);
        self.step(to, filament, watcher);
    }

    /// Where a move ends and how much filament it takes.
    fn target(&mut self, words: Words<'_>) -> ([f64; 3], f64) {
        let (mut to, mut filament) = (self.place, 0.0);
        for (letter, value) in words {
            let Some(value) = value else { continue };
            match letter {
                b'X' | b'Y' | b'Z' => {
                    let axis = usize::from(letter - b'X');
                    let value = value * self.unit;
                    to[axis] = value + if self.relative { self.place[axis] } else { self.base[axis] };
                }
                b'E' => {
                    let value = value * self.unit;
                    filament = if self.relative_filament { value } else { value - self.filament };
                    self.filament += filament;
                }
                b'F' if value > 0.0 => self.speed = value * self.unit / 60.0,
                _ => {}
            }
        }
        (to, filament)
    }

    fn step(&mut self, to: [f64; 3], filament: f64, watcher: &mut impl Watcher) {
        let step = Move { from: self.place, to, filament, speed: self.speed, tool: self.tool };
        self.place = to;
        watcher.moves(&step);
    }

    /// An arc in the plane of the bed, by its centre.
    fn arc(&mut self, words: Words<'_>, clockwise: bool, watcher: &mut impl Watcher) {
        watcher.arc();
        let from = self.place;
        let mut centre = [from[0], from[1]];
        for (letter, value) in words {
            if let (b'I' | b'J', Some(value)) = (letter, value) {
                centre[usize::from(letter - b'I')] += value * self.unit;
            }
        }
        let (to, filament) = self.target(words);
        let angle = |place: [f64; 3]| (place[1] - centre[1]).atan2(place[0] - centre[0]);
        let (first, turn) = (angle(from), std::f64::consts::TAU);
        let mut sweep = (angle(to) - first).rem_euclid(turn);
        if clockwise {
            sweep -= turn;
        } else if sweep == 0.0 {
            sweep = turn;
        }
        // Not a number gives one chord.
        let chords = (sweep.abs() / CHORD).ceil().clamp(1.0, f64::from(CHORDS)) as u32;
        let chords = chords.max(1);
        let radius = (from[0] - centre[0]).hypot(from[1] - centre[1]);
        for chord in 1..chords {
            let part = f64::from(chord) / f64::from(chords);
            let angle = first + sweep * part;
            let place = [
                centre[0] + radius * angle.cos(),
                centre[1] + radius * angle.sin(),
                from[2] + (to[2] - from[2]) * part,
            ];
            self.step(place, filament / f64::from(chords), watcher);
        }
        self.step(to, filament / f64::from(chords), watcher);
    }

    /// `G28`: homed axes lose their `G92` offset and are somewhere only the printer knows.
    fn home(&mut self, words: Words<'_>) {
        let named = |axis: u8| words.into_iter().any(|(letter, _)| letter == b'X' + axis);
        let all = ![0, 1, 2].into_iter().any(named);
        for axis in 0..3 {
            if all || named(axis) {
                (self.place[usize::from(axis)], self.base[usize::from(axis)]) = (f64::NAN, 0.0);
            }
        }
    }

    /// `G92`: the place stays, its coordinate changes.
    fn rename_place(&mut self, words: Words<'_>) {
        let mut any = false;
        for (letter, value) in words {
            any = true;
            let value = value.unwrap_or(0.0) * self.unit;
            match letter {
                b'X' | b'Y' | b'Z' => {
                    let axis = usize::from(letter - b'X');
                    self.base[axis] = self.place[axis] - value;
                }
                b'E' => self.filament = value,
                _ => {}
            }
        }
        if !any {
            (self.base, self.filament) = (self.place, 0.0);
        }
    }
}

fn heat(heater: Heater, celsius: Option<f64>, watcher: &mut impl Watcher) {
    if let Some(celsius) = celsius.filter(|celsius| *celsius > 0.0) {
        watcher.heats(heater, celsius);
    }
}

fn accelerate(value: Option<f64>, watcher: &mut impl Watcher) {
    if let Some(value) = value.filter(|value| *value > 0.0) {
        watcher.acceleration(value);
    }
}
