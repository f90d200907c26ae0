//! What goes wrong: a stable code, a sentence, a hint, and the exit code.

use std::{fmt, process::ExitCode};

use sealpost_api::Problem;
use serde_json::json;

use crate::output::{clean, print_json, say};

/// Result of everything a command does.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Exit codes, as `sealpost --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The store refused, or the command could not do its work.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The store cannot be reached.
    Unreachable = 3,
    /// A watched print ended otherwise than in success.
    PrintFailed = 4,
}

/// One failure, as a person and a program can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    exit: Exit,
    code: String,
    sentence: String,
    hint: String,
    status: Option<u16>,
}

impl Failure {
    /// The command could not do its work.
    pub(crate) fn new(code: &str, sentence: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failed,
            code: code.to_owned(),
            sentence: sentence.into(),
            hint: String::new(),
            status: None,
        }
    }

    /// The command line makes no sense.
    pub(crate) fn usage(code: &str, sentence: impl Into<String>) -> Self {
        Self::new(code, sentence).exit(Exit::Usage)
    }

    /// The store refused.
    pub(crate) fn refused(problem: Problem) -> Self {
        let sentence = if problem.detail.is_empty() { problem.title } else { problem.detail };
        Self {
            exit: Exit::Failed,
            code: problem.code,
            sentence,
            hint: problem.hint,
            status: Some(problem.status),
        }
    }

    /// Says what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Leaves with another exit code.
    pub(crate) fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Whether it leaves with that exit code.
    pub(crate) fn is(&self, exit: Exit) -> bool {
        self.exit == exit
    }

    /// Whether it has that code.
    pub(crate) fn is_code(&self, code: &str) -> bool {
        self.code == code
    }

    /// The stable code.
    #[cfg(test)]
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// Status of the store's answer, where there was one.
    pub(crate) fn status(&self) -> Option<u16> {
        self.status
    }

    /// Tells the person, and with `json` the program.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        say!("sealpost: {self}");
        for line in self.hint.lines() {
            say!("hint: {}", clean(line));
        }
        if json {
            let mut error = json!({ "code": self.code, "title": self.sentence, "hint": self.hint });
            if let Some(status) = self.status {
                error["status"] = status.into();
            }
            print_json(&json!({ "error": error }));
        }
        ExitCode::from(self.exit as u8)
    }
}

/// The sentence begins as others of its kind do: no capital, no full stop, the code at the end.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Dots that stand for what was left out stay.
        let sentence = match self.sentence.strip_suffix('.') {
            Some(sentence) if !sentence.ends_with('.') => sentence,
            _ => &self.sentence,
        };
        write!(f, "{} ({})", clean(sentence), clean(&self.code))
    }
}

impl std::error::Error for Failure {}

/// Adds what was being done to an error of the operating system.
pub(crate) trait Doing<T> {
    /// `doing` reads on from "could not", such as "read part.gcode".
    fn doing(self, code: &str, doing: impl fmt::Display) -> Result<T>;
}

impl<T, E: fmt::Display> Doing<T> for std::result::Result<T, E> {
    fn doing(self, code: &str, doing: impl fmt::Display) -> Result<T> {
        self.map_err(|error| Failure::new(code, format!("could not {doing}: {error}")).hint(usual_hint(code)))
    }
}

/// What to do about standard output that takes nothing.
pub(crate) const STDOUT_HINT: &str = "check where standard output goes, and that there is room";

/// What to do about most failures of that code, where there is nothing better to say.
fn usual_hint(code: &str) -> &'static str {
    match code {
        "file" | "secret_file" | "config" => "check the name of the file, and that you may read it",
        "output_file" | "ready_file" | "setup_link_file" => {
            "check the folder, that you may write there, and that there is room"
        }
        "session_file" => "check the file and its folder, that they are yours, and that there is room",
        "terminal" => "run the command in a terminal, or give it files instead",
        _ => "try again; if it stays, report it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_one_line_with_its_code() {
        let problem =
            Problem::new(409, "licence_exhausted", "No prints left").detail("All 3 prints are used.");
        assert_eq!(Failure::refused(problem).to_string(), "All 3 prints are used (licence_exhausted)");
    }

    #[test]
    fn what_a_store_says_cannot_steer_the_terminal() {
        let problem = Problem::new(400, "x", "a\u{1b}[2Jb\nc");
        assert_eq!(Failure::refused(problem).to_string(), "a\u{fffd}[2Jb\u{fffd}c (x)");
    }
}
