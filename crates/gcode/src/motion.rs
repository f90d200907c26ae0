//! Where the tool is, as far as the file alone tells. Rules as in Klipper's `gcode_move`.

use std::collections::BTreeMap;

use crate::Extent;
use crate::command::{Arguments, find_argument, number_text};

/// Not a number is a place nobody knows: whatever is added to it stays unknown, and no comparison with it holds.
const UNKNOWN: f64 = f64::NAN;
/// How many saved states are remembered. Klipper remembers all, so a judge refuses more.
pub(crate) const STATES: usize = 64;
/// Coordinates beyond it are no place of a printer, millimetres.
const FAR: f64 = 100_000.0;
const NOWHERE: Extent = Extent { min: [f64::INFINITY; 3], max: [f64::NEG_INFINITY; 3] };

/// Places and offsets of X, Y and Z in millimetres.
pub(crate) struct Motion {
    at: State,
    saved: BTreeMap<Vec<u8>, State>,
    /// The lowest that Z may be after the last move, where `place` is not all that can be known of it; 0 where that is above
    /// the bed.
    low: f64,
    /// The highest place something was extruded at; 0 before.
    top: f64,
    /// Where something was extruded; the wrong way round before.
    printed: Extent,
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
    /// Whether no macro may have changed the mode.
    sure: bool,
    /// How far the file itself has moved Z up or down since its place was last known.
    drift: f64,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Absolute,
    Relative,
}

impl Motion {
    pub(crate) fn new() -> Self {
        let at = State {
            place: [UNKNOWN; 3],
            base: [0.0; 3],
            origin: [0.0; 3],
            mode: Mode::Absolute,
            sure: true,
            drift: 0.0,
        };
        Self { at, saved: BTreeMap::new(), low: UNKNOWN, top: 0.0, printed: NOWHERE }
    }

    /// `G0` to `G3`. Gives the worst place the move may end at, as [`Motion::worst`].
    #[inline]
    pub(crate) fn go(&mut self, arguments: Arguments<'_>) -> [f64; 3] {
        let start = self.at.place;
        if self.step(arguments).1 {
            self.print(&start);
        }
        self.worst()
    }

    /// As [`Motion::go`] for a move in the plain form, which Klipper reads in the same way; `None`, and nothing done, for
    /// any other.
    #[inline]
    pub(crate) fn go_plain(&mut self, arguments: Arguments<'_>) -> Option<[f64; 3]> {
        let before = (self.at.place, self.at.drift, self.low, self.top);
        let (usual, prints) = self.step(arguments);
        if usual {
            if prints {
                self.print(&before.0);
            }
            return Some(self.worst());
        }
        (self.at.place, self.at.drift, self.low, self.top) = before;
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

    /// The same with the lowest Z that is possible: after a move by a distance from where nobody knows, how far down the file
    /// went by itself; after a macro, the lower of what `G90` and `G91` make of it.
    #[inline]
    pub(crate) fn worst(&self) -> [f64; 3] {
        let [x, y, z] = self.at.place;
        [x, y, z.min(self.low)]
    }

    pub(crate) fn absolute(&mut self, absolute: bool) {
        self.at.mode = if absolute { Mode::Absolute } else { Mode::Relative };
        self.at.sure = true;
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
        for (axis, own) in named.iter().enumerate() {
            if all || *own {
                self.at.place[axis] = UNKNOWN;
                self.at.base[axis] = 0.0;
            }
        }
        if all || named[2] {
            (self.at.drift, self.low) = (0.0, UNKNOWN);
        }
        // Often a macro of the owner's, which may clear offsets.
        self.at.origin[2] = self.at.origin[2].min(0.0);
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
            if moves && axis == 2 {
                self.at.drift += self.at.origin[axis] - before;
                self.note_low(UNKNOWN);
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
        let Some(state) = self.saved.get(name).copied() else { return self.lose_place() };
        let moves = find_argument(arguments, "MOVE").and_then(number_text).is_some_and(|n| n != 0.0);
        let (place, drift) = if moves {
            (state.place, state.drift.min(self.at.drift))
        } else {
            (self.at.place, self.at.drift)
        };
        self.at = State { place, drift, ..state };
        self.note_low(UNKNOWN);
    }

    /// Something the file does not show has moved the tool: a macro. It may have taken offsets back, and changed the mode.
    pub(crate) fn lose_place(&mut self) {
        self.lose_saved();
        self.at.forget();
        self.at.sure = false;
        self.low = UNKNOWN;
    }

    /// As [`Motion::lose_place`] for what comes back to where it began, however far away it was: a pause, a picture.
    pub(crate) fn leave_and_return(&mut self) {
        self.lose_saved();
        self.at.place = [UNKNOWN; 3];
        self.low = UNKNOWN;
    }

    /// Macros save states too, perhaps by the same names.
    fn lose_saved(&mut self) {
        self.saved.values_mut().for_each(State::forget);
    }

    /// The highest place something was extruded at.
    pub(crate) fn top(&self) -> Option<f64> {
        (self.top > 0.0).then_some(self.top)
    }

    /// Where something was extruded; `None` where that is not known.
    pub(crate) fn printed(&self) -> Option<Extent> {
        let Extent { min, max } = self.printed;
        min.iter().zip(&max).all(|(min, max)| min <= max).then_some(self.printed)
    }

    /// What an extruding arc reaches besides its ends.
    pub(crate) fn print_arc(&mut self, low: &[f64; 3], high: &[f64; 3]) {
        self.print(low);
        self.widen(high);
    }

    /// Something is extruded on the way from `start`.
    #[inline]
    fn print(&mut self, start: &[f64; 3]) {
        self.widen(start);
        let end = self.at.place;
        self.widen(&end);
    }

    #[inline]
    fn widen(&mut self, place: &[f64; 3]) {
        if place.iter().all(|each| each.abs() < FAR) {
            for (axis, value) in place.iter().enumerate() {
                self.printed.min[axis] = self.printed.min[axis].min(*value);
                self.printed.max[axis] = self.printed.max[axis].max(*value);
            }
        }
    }

    /// Whether everything in it was plain, and whether it extrudes on its way.
    #[inline]
    fn step(&mut self, arguments: Arguments<'_>) -> (bool, bool) {
        let (mut across, mut extrudes, mut usual) = (false, false, true);
        let mut letters = arguments.letters();
        for (letter, value) in letters.by_ref() {
            let value = value.unwrap_or(UNKNOWN);
            match letter {
                b'X' | b'Y' | b'Z' => {
                    let axis = usize::from(letter - b'X');
                    across |= letter != b'Z';
                    let absolute = value + (self.at.base[axis] + self.at.origin[axis]);
                    self.at.place[axis] = match self.at.mode {
                        Mode::Absolute => absolute,
                        Mode::Relative => value + self.at.place[axis],
                    };
                    if letter == b'Z' {
                        let known = self.at.sure && self.at.mode == Mode::Absolute;
                        self.at.drift = if known { 0.0 } else { self.at.drift + value };
                        self.note_low(absolute);
                    }
                }
                b'E' => extrudes = value > 0.0,
                b'F' => usual &= value >= 0.001,
                _ => usual = false,
            }
        }
        if across && extrudes && self.at.place[2] > self.top {
            self.top = self.at.place[2];
        }
        (usual && letters.plain(), across && extrudes)
    }

    /// `absolute` is where Z would be if it was told as a place; not a number where it was not.
    #[inline]
    fn note_low(&mut self, absolute: f64) {
        let State { place, drift, sure, .. } = self.at;
        self.low = if !sure {
            drift.min(absolute).min(0.0)
        } else if place[2].is_nan() {
            drift.min(0.0)
        } else {
            UNKNOWN
        };
    }

    fn rename_axis(&mut self, axis: usize, value: f64) {
        self.at.base[axis] = self.at.place[axis] - self.at.origin[axis] - value;
    }
}

impl State {
    /// What is left of it at worst after a macro.
    fn forget(&mut self) {
        self.place = [UNKNOWN; 3];
        self.base[2] = self.base[2].min(0.0);
        self.origin[2] = self.origin[2].min(0.0);
        self.drift = self.drift.min(0.0);
    }
}
