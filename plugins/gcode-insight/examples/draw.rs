//! Writes the picture of a G-code file as a PPM, on white.
use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [gcode, out, width, height] = arguments.as_slice() else {
        return Err("usage: draw GCODE OUT.ppm WIDTH HEIGHT".into());
    };
    let (width, height): (i32, i32) = (width.parse()?, height.parse()?);
    let gcode = std::fs::read(gcode)?;
    let picture = gcode_insight::preview(&gcode, width, height)?;
    let mut file = std::fs::File::create(out)?;
    writeln!(file, "P6 {width} {height} 255")?;
    for pixel in picture.chunks_exact(4) {
        let alpha = u32::from(pixel[3]);
        file.write_all(
            &[0, 1, 2].map(|c| ((u32::from(pixel[c]) * alpha + 255 * (255 - alpha)) / 255) as u8),
        )?;
    }
    writeln!(std::io::stderr(), "{}", serde_json::to_string_pretty(&gcode_insight::stats(&gcode)?)?)?;
    Ok(())
}
