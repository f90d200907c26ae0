//! What the picture shows.

use gcode_insight::{InsightError, PIXELS_MAX, SIDE_MAX, preview};
use proptest::prelude::*;

const SEAL_POST: &[u8] = include_bytes!("../../../tests/parts/seal-post.gcode");

fn pixel(picture: &[u8], width: usize, x: usize, y: usize) -> [u8; 4] {
    let at = (y * width + x) * 4;
    [0, 1, 2, 3].map(|c| picture[at + c])
}

#[test]
fn a_part_fills_the_middle_and_leaves_the_edge_free() {
    for (width, height) in [(320, 240), (1200, 800), (2000, 1900), (64, 64)] {
        let picture = preview(SEAL_POST, width, height).unwrap();
        let (w, h) = (width as usize, height as usize);
        assert_eq!(picture.len(), w * h * 4);
        assert_eq!(pixel(&picture, w, w / 2, h / 2)[3], 255, "{width} x {height}");
        for (x, y) in [(0, 0), (w - 1, 0), (0, h - 1), (w - 1, h - 1)] {
            assert_eq!(pixel(&picture, w, x, y), [0; 4], "{width} x {height}");
        }
        let covered = picture.chunks_exact(4).filter(|pixel| pixel[3] > 0).count();
        assert!(covered * 5 > w * h, "{width} x {height}: {covered} pixels");
    }
}

#[test]
fn colours_tell_height_and_edges_are_soft() {
    let picture = preview(SEAL_POST, 400, 300).unwrap();
    let kinds: std::collections::HashSet<_> = picture.chunks_exact(4).map(<[u8]>::to_vec).collect();
    assert!(kinds.len() > 200, "{} colours", kinds.len());
    assert!(picture.chunks_exact(4).any(|pixel| (1..255).contains(&pixel[3])));
    // High up it is greener than blue, low down bluer than green.
    let seen: Vec<_> = picture.chunks_exact(4).enumerate().filter(|(_, pixel)| pixel[3] == 255).collect();
    let (top, bottom) = (seen[seen.len() / 20].1, seen[seen.len() - seen.len() / 20].1);
    assert!(top[1] > top[2] && bottom[2] > bottom[1], "{top:?} {bottom:?}");
}

#[test]
fn sizes_out_of_bounds_are_refused() {
    for (width, height) in
        [(0, 1), (1, 0), (-1, 5), (SIDE_MAX + 1, 1), (i32::MAX, i32::MAX), (i32::MIN, 1), (4000, 1001)]
    {
        assert_eq!(
            preview(SEAL_POST, width, height).unwrap_err(),
            InsightError::PictureSize { width, height }
        );
    }
    assert_eq!(4000 * 1000, PIXELS_MAX);
    assert!(preview(SEAL_POST, 1, 1).is_ok());
}

#[test]
fn without_a_printed_line_there_is_no_picture() {
    assert_eq!(preview(b"G28\nG1 X10 Y10\n", 10, 10).unwrap_err(), InsightError::NothingPrinted);
}

#[test]
fn a_single_line_is_drawn() {
    let picture = preview(b"M83\nG1 X0 Y0 Z0.2\nG1 X50 E1\n", 100, 100).unwrap();
    assert!(picture.chunks_exact(4).any(|pixel| pixel[3] > 100));
}

proptest! {
    #[test]
    fn any_moves_are_drawn_or_refused(
        lines in prop::collection::vec("G[0-3]( ?[XYZEIJ]-?[0-9]{0,8}(\\.[0-9]{0,5})?){1,5}", 1..40),
        width in 1..200_i32,
        height in 1..200_i32,
    ) {
        let gcode = format!("M83\nG1 X0 Y0 Z0\n{}", lines.join("\n"));
        match preview(gcode.as_bytes(), width, height) {
            Ok(picture) => prop_assert_eq!(picture.len(), (width * height * 4) as usize),
            Err(error) => prop_assert_eq!(error, InsightError::NothingPrinted),
        }
    }
}
