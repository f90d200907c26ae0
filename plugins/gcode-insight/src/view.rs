//! From where the part is seen: from the front right above, without perspective.

use crate::stats::Bounds;

/// Turned about the vertical, degrees.
const TURN: f64 = 32.0;
/// Seen from above, degrees.
const TILT: f64 = 30.0;
/// Of the picture's shorter side that stays free on each edge.
const MARGIN: f64 = 0.06;
/// Millimetres the picture shows at least, so that lines stay lines.
const SHOWN_MIN: f64 = 12.0;

/// Projects millimetres to pixels.
pub(crate) struct View {
    right: [f64; 3],
    up: [f64; 3],
    towards: [f64; 3],
    scale: f64,
    middle: [f64; 2],
    centre: [f64; 2],
}

impl View {
    /// A view of all of `bounds` on a picture of so many pixels.
    pub(crate) fn of(bounds: &Bounds, width: usize, height: usize) -> Self {
        let (turn, tilt) = (TURN.to_radians(), TILT.to_radians());
        let right = [turn.cos(), turn.sin(), 0.0];
        let up = [-turn.sin() * tilt.sin(), turn.cos() * tilt.sin(), tilt.cos()];
        let towards = [turn.sin() * tilt.cos(), -turn.cos() * tilt.cos(), tilt.sin()];
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for corner in 0..8 {
            let place = [0, 1, 2]
                .map(|axis| if corner >> axis & 1 == 0 { bounds.min[axis] } else { bounds.max[axis] });
            for (side, direction) in [right, up].into_iter().enumerate() {
                let at = dot(direction, place);
                (low[side], high[side]) = (low[side].min(at), high[side].max(at));
            }
        }
        let (width, height) = (width as f64, height as f64);
        let free = 2.0 * MARGIN * width.min(height);
        let fit =
            |picture: f64, side: usize| (picture - free).max(1.0) / (high[side] - low[side]).max(SHOWN_MIN);
        Self {
            right,
            up,
            towards,
            scale: fit(width, 0).min(fit(height, 1)),
            middle: [0, 1].map(|side| (low[side] + high[side]) / 2.0),
            centre: [width / 2.0, height / 2.0],
        }
    }

    /// Across, down, and nearness; pixels.
    pub(crate) fn project(&self, place: [f64; 3]) -> [f32; 3] {
        [
            (self.centre[0] + (dot(self.right, place) - self.middle[0]) * self.scale) as f32,
            (self.centre[1] - (dot(self.up, place) - self.middle[1]) * self.scale) as f32,
            (dot(self.towards, place) * self.scale) as f32,
        ]
    }

    /// Pixels of a millimetre.
    pub(crate) fn scale(&self) -> f64 {
        self.scale
    }

    /// A direction as the viewer sees it: right, up, towards.
    pub(crate) fn turn(&self, direction: [f64; 3]) -> [f32; 3] {
        [self.right, self.up, self.towards].map(|axis| dot(axis, direction) as f32)
    }
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
