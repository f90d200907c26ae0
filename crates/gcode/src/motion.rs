//! Where the tool is, as far as the file alone tells. Rules as in Klipper's `gcode_move`.

use crate::command::{Arguments, find_argument, number_text};

/// Places and offsets of X, Y and Z in millimetres; `None` is unknown.
pub(crate) struct Motion {
    /// Where the tool is, in machine coordinates.
    place: [Option<f64>; 3],
    /// What `G92` and `SET_GCODE_OFFSET` add to a coordinate.
    base: [Option<f64>; 3],
    origin: [Option<f64>; 3],
    /// Whether coordinates are absolute.
    absolute: Option<bool>,
    /// The highest place something was extruded at.
    pub(crate) top: Option<f64>,
}

impl Motion {
    pub(crate) fn new() -> Self {
        let zero = [Some(0.0); 3];
        Self { place: [None; 3], base: zero, origin: zero, absolute: Some(true), top: None }
    }

    /// `G0` to `G3`. Gives the place the move ends at.
    #[inline]
    pub(crate) fn go(&mut self, arguments: Arguments<'_>) -> &[Option<f64>; 3] {
        let (mut across, mut extrudes) = (false, false);
        for (letter, value) in arguments.letters() {
            match letter {
                b'X' | b'Y' | b'Z' => {
                    let axis = usize::from(letter - b'X');
                    across |= letter != b'Z';
                    self.place[axis] = self.target(axis, value);
                }
                b'E' => extrudes = value.is_some_and(|e| e > 0.0),
                _ => {}
            }
        }
        if across && extrudes && self.place[2] > self.top {
            self.top = self.place[2];
        }
        &self.place
    }

    pub(crate) fn absolute(&mut self, absolute: bool) {
        self.absolute = Some(absolute);
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
                self.place[axis] = None;
                self.base[axis] = Some(0.0);
            }
        }
    }

    /// `G92`: the place keeps, its coordinate changes.
    pub(crate) fn rename_place(&mut self, arguments: Arguments<'_>) {
        let mut any = false;
        for (letter, value) in arguments.letters() {
            any = true;
            if let b'X' | b'Y' | b'Z' = letter {
                self.rename_axis(usize::from(letter - b'X'), value);
            }
        }
        if !any {
            (0..3).for_each(|axis| self.rename_axis(axis, Some(0.0)));
        }
    }

    /// `SET_GCODE_OFFSET`.
    pub(crate) fn offset(&mut self, arguments: &[u8]) {
        for (axis, (set, adjust)) in
            [("X", "X_ADJUST"), ("Y", "Y_ADJUST"), ("Z", "Z_ADJUST")].into_iter().enumerate()
        {
            if let Some(text) = find_argument(arguments, set) {
                self.origin[axis] = number_text(text);
            } else if let Some(text) = find_argument(arguments, adjust) {
                self.origin[axis] = self.origin[axis].zip(number_text(text)).map(|(old, more)| old + more);
            }
        }
    }

    /// Something the file does not show has set offsets: a tool change, a restored state.
    pub(crate) fn lose(&mut self) {
        self.place = [None; 3];
        self.base = [None; 3];
        self.origin = [None; 3];
        self.absolute = None;
    }

    #[inline]
    fn target(&self, axis: usize, value: Option<f64>) -> Option<f64> {
        let value = value?;
        if self.absolute? {
            Some(value + self.base[axis]? + self.origin[axis]?)
        } else {
            Some(value + self.place[axis]?)
        }
    }

    fn rename_axis(&mut self, axis: usize, value: Option<f64>) {
        self.base[axis] = match (self.place[axis], self.origin[axis], value) {
            (Some(place), Some(origin), Some(value)) => Some(place - origin - value),
            _ => None,
        };
    }
}
