//! The picture of a part.

use sealpost_gcode::Scanner;

use crate::InsightError;
use crate::feature::Kinds;
use crate::raster::{Canvas, Tube};
use crate::stats::Extent;
use crate::view::View;
use crate::walk::{Move, Watcher, walk};

/// Longest side of a picture, pixels.
pub const SIDE_MAX: i32 = 4096;
/// Most pixels of a picture.
pub const PIXELS_MAX: i32 = 4_000_000;

/// Half the width of a line of plastic, millimetres.
const LINE: f64 = 0.24;
/// Thinnest line that is drawn, samples: thinner ones would leave gaps.
const THINNEST: f64 = 0.75;

/// The part as it is seen from the front and above, coloured by height: `width` x `height` pixels of RGBA, 8 bits each, row by
/// row, transparent where nothing is. Purge lines and skirts are left out.
///
/// # Errors
/// When the bytes are no G-code, nothing is printed, or the picture is too large.
pub fn preview(gcode: &[u8], width: i32, height: i32) -> Result<Vec<u8>, InsightError> {
    let (wide, high) = size(width, height)?;
    let mut scanner = Scanner::new(None);
    scanner.update(gcode);
    scanner.finish().check()?;

    let mut measure = Measure { kinds: Kinds::new(), extent: Extent::new() };
    walk(gcode, &mut measure);
    let bounds = measure.extent.bounds().ok_or(InsightError::NothingPrinted)?;

    let samples = samples(wide * high);
    let view = View::of(&bounds, wide * samples, high * samples);
    let canvas = Canvas::new(wide * samples, high * samples).ok_or(InsightError::OutOfMemory)?;
    let mut drawing = Drawing {
        kinds: Kinds::new(),
        beside: !measure.extent.has_part(),
        radius: (LINE * view.scale()).max(THINNEST) as f32,
        floor: bounds.min[2],
        rise: bounds.size[2].max(f64::MIN_POSITIVE),
        view,
        canvas,
    };
    walk(gcode, &mut drawing);
    drawing.canvas.picture(samples).ok_or(InsightError::OutOfMemory)
}

fn size(width: i32, height: i32) -> Result<(usize, usize), InsightError> {
    let sides = 1..=SIDE_MAX;
    if !sides.contains(&width) || !sides.contains(&height) || width * height > PIXELS_MAX {
        return Err(InsightError::PictureSize { width, height });
    }
    Ok((width as usize, height as usize))
}

/// Samples to a pixel in each direction: fewer for larger pictures, so that memory stays below 50 MB.
fn samples(pixels: usize) -> usize {
    match pixels {
        0..=300_000 => 3,
        300_001..=1_000_000 => 2,
        _ => 1,
    }
}

struct Measure {
    kinds: Kinds,
    extent: Extent,
}

impl Watcher for Measure {
    fn moves(&mut self, step: &Move) {
        if step.prints() {
            self.extent.add(step, self.kinds.beside());
        }
    }

    fn comment(&mut self, text: &[u8]) {
        self.kinds.comment(text);
    }
}

struct Drawing {
    kinds: Kinds,
    /// Whether what lies beside parts is all there is.
    beside: bool,
    radius: f32,
    floor: f64,
    rise: f64,
    view: View,
    canvas: Canvas,
}

impl Watcher for Drawing {
    fn moves(&mut self, step: &Move) {
        if !step.prints() || self.kinds.beside() != self.beside {
            return;
        }
        let length = step.length();
        self.canvas.draw(&Tube {
            from: self.view.project(step.from),
            to: self.view.project(step.to),
            direction: self.view.turn(step.across().map(|d| d / length)),
            radius: self.radius,
            height: ((step.to[2] - self.floor) / self.rise) as f32,
        });
    }

    fn comment(&mut self, text: &[u8]) {
        self.kinds.comment(text);
    }
}
