//! Failures a person can meet, in the form of the store's problem JSON.

use sealpost_api::Problem;
use sealpost_envelope::ErrorCode;

/// A problem of an error that has a code and a hint.
pub(crate) fn coded(status: u16, title: &str, error: &(impl ErrorCode + std::fmt::Display)) -> Problem {
    Problem::new(status, error.code(), title).detail(error.to_string()).hint(error.hint())
}

/// A problem with a file or folder of the agent.
pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Problem {
    Problem::new(500, "file_error", "A file of the agent could not be read or written")
        .detail(format!("{}: {error}", path.display()))
        .hint("Check that the folder exists, has space, and belongs to the agent's user.")
}

/// What every caller answers who gets wrong input.
pub(crate) fn bad_request(detail: impl Into<String>) -> Problem {
    Problem::new(400, "bad_request", "The request cannot be understood")
        .detail(detail)
        .hint("Send what `docs/printer-sockets.md` describes.")
}
