//! Where the tool is, as far as the file alone tells. Rules as in Klipper's `gcode_move`.

use crate::command::{Arguments, find_argument, number_text};

/// Not a number is a place nobody knows: whatever is added to it stays unknown, and no comparison with it holds.
const UNKNOWN: f64 = f64::NAN;

/// Places and offsets of X, Y and Z in millimetres.
pub(crate) struct Motion {
    /// Where the tool is, in machine coordinates.
    place: [f64; 3],
    /// What `G92` adds to a coordinate.
    base: [f64; 3],
    /// What `SET_GCODE_OFFSET` adds.
    origin: [f64; 3],
    mode: Mode,
    /// The highest place something was extruded at; 0 before.
    top: f64,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Absolute,
    Relative,
    Unknown,
}

impl Motion {
    pub(crate) fn new() -> Self {
        Self { place: [UNKNOWN; 3], base: [0.0; 3], origin: [0.0; 3], mode: Mode::Absolute, top: 0.0 }
    }

    /// `G0` to `G3`. Gives the place the move ends at; not a number where it is unknown.
    #[inline]
    pub(crate) fn go(&mut self, arguments: Arguments<'_>) -> &[f64; 3] {
        let (mut across, mut extrudes) = (false, false);
        for (letter, value) in arguments.letters() {
            let value = value.unwrap_or(UNKNOWN);
            match letter {
                b'X' | b'Y' | b'Z' => {
                    let axis = usize::from(letter - b'X');
                    across |= letter != b'Z';
                    self.place[axis] = match self.mode {
                        Mode::Absolute => value + (self.base[axis] + self.origin[axis]),
                        Mode::Relative => value + self.place[axis],
                        Mode::Unknown => UNKNOWN,
                    };
                }
                b'E' => extrudes = value > 0.0,
                _ => {}
            }
        }
        if across && extrudes && self.place[2] > self.top {
            self.top = self.place[2];
        }
        &self.place
    }

    pub(crate) fn absolute(&mut self, absolute: bool) {
        self.mode = if absolute { Mode::Absolute } else { Mode::Relative };
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
                self.place[axis] = UNKNOWN;
                self.base[axis] = 0.0;
            }
        }
    }

    /// `G92`: the place stays, its coordinate changes.
    pub(crate) fn rename_place(&mut self, arguments: Arguments<'_>) {
        let mut any = false;
        for (letter, value) in arguments.letters() {
            any = true;
            if let b'X' | b'Y' | b'Z' = letter {
                self.rename_axis(usize::from(letter - b'X'), value.unwrap_or(UNKNOWN));
            }
        }
        if !any {
            (0..3).for_each(|axis| self.rename_axis(axis, 0.0));
        }
    }

    /// `SET_GCODE_OFFSET`.
    pub(crate) fn offset(&mut self, arguments: &[u8]) {
        let names = [("X", "X_ADJUST"), ("Y", "Y_ADJUST"), ("Z", "Z_ADJUST")];
        for (axis, (set, adjust)) in names.into_iter().enumerate() {
            let value = |text| number_text(text).unwrap_or(UNKNOWN);
            if let Some(text) = find_argument(arguments, set) {
                self.origin[axis] = value(text);
            } else if let Some(text) = find_argument(arguments, adjust) {
                self.origin[axis] += value(text);
            }
        }
    }

    /// Something the file does not show has set offsets: a tool change, a restored state.
    pub(crate) fn lose(&mut self) {
        *self = Self { top: self.top, ..Self::lost() };
    }

    /// The highest place something was extruded at.
    pub(crate) fn top(&self) -> Option<f64> {
        (self.top > 0.0).then_some(self.top)
    }

    fn lost() -> Self {
        let unknown = [UNKNOWN; 3];
        Self { place: unknown, base: unknown, origin: unknown, mode: Mode::Unknown, top: 0.0 }
    }

    fn rename_axis(&mut self, axis: usize, value: f64) {
        self.base[axis] = self.place[axis] - self.origin[axis] - value;
    }
}
