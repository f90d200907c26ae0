//! Draws lines of plastic as lit tubes, the nearest in front, and makes the picture of them.

use crate::ramp::colour;

/// Where light comes from, as the viewer sees it: left, above, in front. Of length 1.
const LIGHT: [f32; 3] = [-0.40, 0.42, 0.815];
/// How light the side without light is.
const AMBIENT: f32 = 0.36;
/// How much nearer neighbours can darken a place.
const HOLLOW: f32 = 0.6;
/// Nothing was drawn here.
const FAR: f32 = f32::NEG_INFINITY;

/// What is drawn, at several samples a pixel.
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    near: Vec<f32>,
    tone: Vec<[u8; 2]>,
}

/// A line of plastic as the viewer sees it.
pub(crate) struct Tube {
    /// Across, down, nearness; samples.
    pub(crate) from: [f32; 3],
    pub(crate) to: [f32; 3],
    /// Right, up, towards; of length 1.
    pub(crate) direction: [f32; 3],
    /// Samples.
    pub(crate) radius: f32,
    /// From 0 to 1.
    pub(crate) height: f32,
}

impl Canvas {
    /// None when there is no memory for it.
    pub(crate) fn new(width: usize, height: usize) -> Option<Self> {
        let (mut near, mut tone) = (Vec::new(), Vec::new());
        near.try_reserve_exact(width * height).ok()?;
        tone.try_reserve_exact(width * height).ok()?;
        near.resize(width * height, FAR);
        tone.resize(width * height, [0; 2]);
        Some(Self { width, height, near, tone })
    }

    /// Draws along the longer side of the tube, one run of samples across it at a time.
    pub(crate) fn draw(&mut self, tube: &Tube) {
        let light = Light::on(tube);
        let height = (tube.height * 255.0) as u8;
        let [dx, dy, dz] = [0, 1, 2].map(|axis| tube.to[axis] - tube.from[axis]);
        let steep = dy.abs() > dx.abs();
        let (along, across) = if steep { (1, 0) } else { (0, 1) };
        let (long, short) = if steep { (dy, dx) } else { (dx, dy) };
        let slope = if long == 0.0 { 0.0 } else { short / long };
        let length = long.hypot(short);
        let reach = tube.radius * (1.0 + slope * slope).sqrt();
        let (sides, ends) = if steep { (self.width, self.height) } else { (self.height, self.width) };
        let (first, last) = (tube.from[along].min(tube.to[along]), tube.from[along].max(tube.to[along]));
        for a in clipped(first - tube.radius, last + tube.radius, ends) {
            let centre =
                tube.from[across] + (a as f32 - tube.from[along]).clamp(long.min(0.0), long.max(0.0)) * slope;
            for b in clipped(centre - reach, centre + reach, sides) {
                let (x, y) = if steep { (b, a) } else { (a, b) };
                let (px, py) = (x as f32 - tube.from[0], y as f32 - tube.from[1]);
                let part = if length > 0.0 {
                    ((px * dx + py * dy) / (length * length)).clamp(0.0, 1.0)
                } else {
                    0.0
                };
                let (ox, oy) = (px - part * dx, py - part * dy);
                let off = (ox * ox + oy * oy) / (tube.radius * tube.radius);
                if off > 1.0 {
                    continue;
                }
                let bulge = (1.0 - off).sqrt();
                let near = tube.from[2] + part * dz + bulge * tube.radius * light.facing;
                let at = y * self.width + x;
                // Of lines in the same place the later one lies on top.
                if near >= self.near[at] {
                    let side = (ox * light.across[0] - oy * light.across[1]) / tube.radius;
                    self.near[at] = near;
                    self.tone[at] = [height, (light.shade(side, bulge) * 255.0) as u8];
                }
            }
        }
    }

    /// The picture, `samples` of the canvas to a pixel in both directions: RGBA, row by row, not multiplied by alpha.
    /// None when there is no memory for it.
    pub(crate) fn picture(&self, samples: usize) -> Option<Vec<u8>> {
        let (width, height) = (self.width / samples, self.height / samples);
        let mut picture = Vec::new();
        picture.try_reserve_exact(width * height * 4).ok()?;
        for y in 0..height {
            for x in 0..width {
                let (mut sum, mut covered) = ([0.0; 3], 0.0);
                for at in 0..samples * samples {
                    let (sx, sy) = (x * samples + at % samples, y * samples + at / samples);
                    if let Some(rgb) = self.lit(sx, sy, samples) {
                        (0..3).for_each(|c| sum[c] += rgb[c]);
                        covered += 1.0;
                    }
                }
                let whole = f32::max(covered, 1.0);
                picture.extend(sum.map(|c| (c / whole).clamp(0.0, 255.0) as u8));
                picture.push((covered * 255.0 / (samples * samples) as f32) as u8);
            }
        }
        Some(picture)
    }

    fn lit(&self, x: usize, y: usize, samples: usize) -> Option<[f32; 3]> {
        let at = y * self.width + x;
        let near = self.near[at];
        if near == FAR {
            return None;
        }
        let [height, shade] = self.tone[at].map(|tone| f32::from(tone) / 255.0);
        let light = shade * (1.0 - HOLLOW * self.hollow(x, y, near, samples));
        // Towards white where the light falls straight on.
        let gloss = (shade - 0.9).max(0.0) * 1.2;
        Some(colour(height).map(|c| (c + (255.0 - c) * gloss) * light))
    }

    /// How deep a place lies between its neighbours, from 0 to 1. Opposite ones are taken together, so that a slope is no hollow.
    fn hollow(&self, x: usize, y: usize, near: f32, samples: usize) -> f32 {
        /// Across and down, pixels; what lies opposite is found by subtracting.
        const AROUND: [[isize; 2]; 6] = [[1, 0], [0, 1], [2, 2], [2, -2], [5, 0], [0, 5]];
        const FARTHEST: usize = 5;
        /// A place that lies so many pixels deep is as dark as it gets.
        const DEEP: f32 = 7.0;
        let edge = FARTHEST * samples;
        if x < edge || y < edge || x + edge >= self.width || y + edge >= self.height {
            return 0.0;
        }
        let (at, row, deepest) = (y * self.width + x, self.width as isize, DEEP * samples as f32);
        let mut depth = 0.0;
        for [across, down] in AROUND {
            let to = (down * row + across) * samples as isize;
            let pair = [to, -to].map(|to| self.near[at.wrapping_add_signed(to)]);
            // Where one of them is nothing, the mean is nothing too.
            depth += ((pair[0] + pair[1]) * 0.5 - near).clamp(0.0, deepest);
        }
        depth / (AROUND.len() as f32 * deepest)
    }
}

/// How light falls on a tube.
struct Light {
    /// Which way across the tube, right and up.
    across: [f32; 2],
    /// How much of the way to the viewer the tube's back of the hand points.
    facing: f32,
    on_side: f32,
    on_top: f32,
}

impl Light {
    fn on(tube: &Tube) -> Self {
        let [x, y, z] = tube.direction;
        let flat = x.hypot(y);
        let across = if flat > 1e-3 { [-y / flat, x / flat] } else { [1.0, 0.0] };
        // What points to the viewer and stands upright on both, the tube and the way across it.
        let top = if flat > 1e-3 { [-x / flat * z, -y / flat * z, flat] } else { [0.0, 0.0, 1.0] };
        Self {
            across,
            facing: top[2],
            on_side: across[0] * LIGHT[0] + across[1] * LIGHT[1],
            on_top: top[0] * LIGHT[0] + top[1] * LIGHT[1] + top[2] * LIGHT[2],
        }
    }

    fn shade(&self, side: f32, bulge: f32) -> f32 {
        let lit = (side * self.on_side + bulge * self.on_top).max(0.0);
        (AMBIENT + (1.0 - AMBIENT) * lit).min(1.0)
    }
}

/// The whole numbers between two places, as far as they are in the picture.
fn clipped(from: f32, to: f32, size: usize) -> std::ops::Range<usize> {
    // Negative places and what is not a number become 0.
    let first = from.ceil() as usize;
    let end = if to >= 0.0 { to.floor() as usize + 1 } else { 0 };
    first..end.min(size)
}
