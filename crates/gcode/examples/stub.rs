//! Writes the stub of a G-code file: `cargo run -p sealpost-gcode --example stub -- FILE JOB > stub.gcode`

use std::io::{Error, Read, Write};

use sealpost_gcode::{Scanner, stub};

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(path), Some(job)) = (arguments.next(), arguments.next()) else {
        return Err(Error::other("usage: stub FILE JOB"));
    };
    let mut file = std::fs::File::open(&path)?;
    let mut scanner = Scanner::new(None);
    let mut piece = vec![0; 64 * 1024];
    loop {
        match file.read(&mut piece)? {
            0 => break,
            n => scanner.update(&piece[..n]),
        }
    }
    let title = std::path::Path::new(&path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let text = stub(&scanner.finish(), &job.to_string_lossy(), &title).map_err(Error::other)?;
    std::io::stdout().write_all(text.as_bytes())
}
