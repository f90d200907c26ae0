//! Where the tool is, as far as the file alone tells. Rules as in Klipper's `gcode_move`.

use std::collections::BTreeMap;

use crate::command::{Arguments, find_argument, number_text};

/// Not a number is a place nobody knows: whatever is added to it stays unknown, and no comparison with it holds.
const UNKNOWN: f64 = f64::NAN;
/// How many saved states are remembered; Klipper remembers all.
const STATES: usize = 16;

/// Places and offsets of X, Y and Z in millimetres.
pub(crate) struct Motion {
    at: State,
    saved: BTreeMap<Vec<u8>, State>,
    /// The highest place something was extruded at; 0 before.
    top: f64,
}

#[derive(Clone, Copy)]
struct State {
    /// Where the tool is, in machine coordinates.
    place: [f64; 3],
    /// What `G92` adds to a coordinate.
    base: [f64; 3],
    /// What `SET_GCODE_OFFSET` adds.
    origin: [f64; 3],
    mode: Mode,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Absolute,
    Relative,
    Unknown,
}

impl Motion {
    pub(crate) fn new() -> Self {
        let at = State { place: [UNKNOWN; 3], base: [0.0; 3], origin: [0.0; 3], mode: Mode::Absolute };
        Self { at, saved: BTreeMap::new(), top: 0.0 }
    }

    /// `G0` to `G3`. Gives the place the move ends at; not a number where it is unknown.
    #[inline]
    pub(crate) fn go(&mut self, arguments: Arguments<'_>) -> &[f64; 3] {
        self.step(arguments);
        &self.at.place
    }

    /// As [`Motion::go`] for a move in the plain form, which Klipper reads in the same way; `None`, and nothing done, for
    /// any other.
    #[inline]
    pub(crate) fn go_plain(&mut self, arguments: Arguments<'_>) -> Option<&[f64; 3]> {
        let (before, top) = (self.at.place, self.top);
        if self.step(arguments) {
            return Some(&self.at.place);
        }
        (self.at.place, self.top) = (before, top);
        None
    }

    /// The ends of an arc from `start` to where the tool is now: the lowest and the highest place of it.
    pub(crate) fn arc(
        &self,
        start: &[f64; 3],
        arguments: Arguments<'_>,
        clockwise: bool,
    ) -> ([f64; 3], [f64; 3]) {
        let (mut i, mut j) = (0.0, 0.0);
        for (letter, value) in arguments.letters() {
            match letter {
                b'I' => i = value.unwrap_or(UNKNOWN),
                b'J' => j = value.unwrap_or(UNKNOWN),
                _ => {}
            }
        }
        let end = &self.at.place;
        let (mut low, mut high) = (*end, *end);
        let centre = [start[0] + i, start[1] + j];
        let radius = f64::hypot(i, j);
        let turn = |x: f64, y: f64| {
            // Angle from where the arc begins, in the direction it goes: from 0 to a full turn.
            let angle = f64::atan2(i * -y + j * x, -i * x - j * y);
            let angle = if clockwise { -angle } else { angle };
            if angle <= 0.0 { angle + std::f64::consts::TAU } else { angle }
        };
        let whole = turn(end[0] - centre[0], end[1] - centre[1]);
        for (axis, sign) in [(0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0)] {
            let (x, y) = if axis == 0 { (sign, 0.0) } else { (0.0, sign) };
            if turn(x, y) <= whole {
                let place = centre[axis] + sign * radius;
                low[axis] = low[axis].min(place);
                high[axis] = high[axis].max(place);
            }
        }
        (low, high)
    }

    /// Where the tool is; not a number where that is unknown.
    pub(crate) fn place(&self) -> [f64; 3] {
        self.at.place
    }

    pub(crate) fn absolute(&mut self, absolute: bool) {
        self.at.mode = if absolute { Mode::Absolute } else { Mode::Relative };
    }

    /// `G28`: homed axes lose their `G92` offset and are somewhere only the printer knows.
    pub(crate) fn home(&mut self, arguments: Arguments<'_>) {
        let mut named = [false; 3];
        for (letter, _) in arguments.letters() {
            if let b'X' | b'Y' | b'Z' = letter {
                named[usize::from(letter - b'X')] = true;
            }
        }
        let all = named == [false; 3];
        for (axis, named) in named.into_iter().enumerate() {
            if all || named {
                self.at.place[axis] = UNKNOWN;
                self.at.base[axis] = 0.0;
            }
        }
    }

    /// `G92`: the place stays, its coordinate changes. Whether Z has got a zero that nobody knows.
    pub(crate) fn rename_place(&mut self, arguments: Arguments<'_>) -> bool {
        let (mut any, mut named) = (false, false);
        for (letter, value) in arguments.letters() {
            any = true;
            named |= letter == b'Z';
            if let b'X' | b'Y' | b'Z' = letter {
                self.rename_axis(usize::from(letter - b'X'), value.unwrap_or(UNKNOWN));
            }
        }
        if !any {
            (0..3).for_each(|axis| self.rename_axis(axis, 0.0));
        }
        (named || !any) && self.at.base[2].is_nan()
    }

    /// `SET_GCODE_OFFSET`.
    pub(crate) fn offset(&mut self, arguments: &[u8]) {
        let moves = find_argument(arguments, "MOVE").and_then(number_text).is_some_and(|n| n != 0.0);
        let names = [("X", "X_ADJUST"), ("Y", "Y_ADJUST"), ("Z", "Z_ADJUST")];
        for (axis, (set, adjust)) in names.into_iter().enumerate() {
            let value = |text| number_text(text).unwrap_or(UNKNOWN);
            let before = self.at.origin[axis];
            if let Some(text) = find_argument(arguments, set) {
                self.at.origin[axis] = value(text);
            } else if let Some(text) = find_argument(arguments, adjust) {
                self.at.origin[axis] += value(text);
            }
            if moves {
                self.at.place[axis] += self.at.origin[axis] - before;
            }
        }
    }

    /// `SAVE_GCODE_STATE`.
    pub(crate) fn save(&mut self, arguments: &[u8]) {
        let name = find_argument(arguments, "NAME").unwrap_or(b"default");
        if self.saved.len() < STATES || self.saved.contains_key(name) {
            self.saved.insert(name.to_vec(), self.at);
        }
    }

    /// `RESTORE_GCODE_STATE`.
    pub(crate) fn restore(&mut self, arguments: &[u8]) {
        let name = find_argument(arguments, "NAME").unwrap_or(b"default");
        let Some(state) = self.saved.get(name).copied() else { return self.lose() };
        let moves = find_argument(arguments, "MOVE").and_then(number_text).is_some_and(|n| n != 0.0);
        let place = if moves { state.place } else { self.at.place };
        self.at = State { place, ..state };
    }

    /// Something the file does not show has set offsets: a tool change, a restored state.
    pub(crate) fn lose(&mut self) {
        let unknown = [UNKNOWN; 3];
        self.at = State { place: unknown, base: unknown, origin: unknown, mode: Mode::Unknown };
    }

    /// Something the file does not show has moved the tool: a macro. It is taken to leave offsets as they were.
    pub(crate) fn lose_place(&mut self) {
        self.at.place = [UNKNOWN; 3];
    }

    /// The highest place something was extruded at.
    pub(crate) fn top(&self) -> Option<f64> {
        (self.top > 0.0).then_some(self.top)
    }

    /// Whether everything in it was plain.
    #[inline]
    fn step(&mut self, arguments: Arguments<'_>) -> bool {
        let (mut across, mut extrudes, mut usual) = (false, false, true);
        let mut letters = arguments.letters();
        for (letter, value) in letters.by_ref() {
            let value = value.unwrap_or(UNKNOWN);
            match letter {
                b'X' | b'Y' | b'Z' => {
                    let axis = usize::from(letter - b'X');
                    across |= letter != b'Z';
                    self.at.place[axis] = match self.at.mode {
                        Mode::Absolute => value + (self.at.base[axis] + self.at.origin[axis]),
                        Mode::Relative => value + self.at.place[axis],
                        Mode::Unknown => UNKNOWN,
                    };
                }
                b'E' => extrudes = value > 0.0,
                b'F' => usual &= value >= 0.001,
                _ => usual = false,
            }
        }
        if across && extrudes && self.at.place[2] > self.top {
            self.top = self.at.place[2];
        }
        usual && letters.plain()
    }

    fn rename_axis(&mut self, axis: usize, value: f64) {
        self.at.base[axis] = self.at.place[axis] - self.at.origin[axis] - value;
    }
}
