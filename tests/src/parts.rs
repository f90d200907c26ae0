//! The G-code that the suites print.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::programs::{python, root};

/// The sliced part of the repository.
pub fn sliced() -> PathBuf {
    root().join("tests/parts/seal-post.gcode")
}

/// A made part; `options` are those of `tests/parts/generate.py`.
pub fn made(folder: &Path, name: &str, options: &[&str]) -> Result<PathBuf> {
    let path = folder.join(name);
    let script = root().join("tests/parts/generate.py");
    let made = Command::new(python()?).arg(script).arg(&path).args(options).output()?;
    if !made.status.success() {
        bail!("{name} was not made: {}", String::from_utf8_lossy(&made.stderr));
    }
    Ok(path)
}

/// The lines of a part as a printer executes them: bytes that are no UTF-8 become question marks.
pub fn lines(part: &[u8]) -> Vec<String> {
    let mut lines: Vec<String> = part.split(|byte| *byte == b'\n').map(as_executed).collect();
    // What follows the last newline is a line only where there is something.
    if lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

fn as_executed(line: &[u8]) -> String {
    match str::from_utf8(line) {
        Ok(text) => text.trim().to_owned(),
        Err(_) => line
            .iter()
            .map(|byte| if byte.is_ascii() { char::from(*byte) } else { '?' })
            .collect::<String>()
            .trim()
            .to_owned(),
    }
}
