//! A clock that is wrong by what a file says.

use std::{env, fs, io::Write, path::PathBuf, process::exit, sync::OnceLock};

const CLOCK: &str = "SEALPOST_FAULTS_CLOCK";

/// Read anew each time: whoever writes the file moves the clock of a program that runs.
pub(crate) fn offset_s() -> i64 {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let Some(file) = FILE.get_or_init(|| env::var_os(CLOCK).map(PathBuf::from)) else { return 0 };
    // No file is a clock that nobody has moved yet.
    let Ok(text) = fs::read_to_string(file) else { return 0 };
    read(&text).unwrap_or_else(|| {
        let _ = writeln!(std::io::stderr(), "{CLOCK}: `{}` is no number of seconds", text.trim());
        exit(64)
    })
}

fn read(text: &str) -> Option<i64> {
    match text.trim() {
        "" => Some(0),
        seconds => seconds.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_ahead_and_behind_are_read_and_nothing_else() {
        for (text, seconds) in
            [("+86400\n", Some(86_400)), ("-3600", Some(-3_600)), ("7", Some(7)), (" \n", Some(0))]
        {
            assert_eq!(read(text), seconds, "{text}");
        }
        for text in ["soon", "1h", "+-1", "1.5"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
