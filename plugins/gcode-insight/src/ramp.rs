//! Colours by height, from dark to light so that they read in grey too: viridis (Smith and van der Walt, CC0).

const STOPS: [[f32; 3]; 9] = [
    [68.0, 1.0, 84.0],
    [72.0, 40.0, 120.0],
    [62.0, 74.0, 137.0],
    [49.0, 104.0, 142.0],
    [38.0, 130.0, 142.0],
    [31.0, 158.0, 137.0],
    [53.0, 183.0, 121.0],
    [109.0, 205.0, 89.0],
    [180.0, 222.0, 44.0],
];

/// The darkest tones are left out: shade could not be told from them.
const LOWEST: f32 = 0.16;

/// Red, green and blue from 0 to 255 for a height from 0 to 1.
pub(crate) fn colour(height: f32) -> [f32; 3] {
    let last = STOPS.len() - 1;
    let at = (LOWEST + (1.0 - LOWEST) * height.clamp(0.0, 1.0)) * last as f32;
    let stop = (at as usize).min(last - 1);
    let part = at - stop as f32;
    [0, 1, 2].map(|c| STOPS[stop][c] + (STOPS[stop + 1][c] - STOPS[stop][c]) * part)
}
