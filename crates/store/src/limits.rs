//! What people may write, and how much of it.

use crate::fault::{Fault, Result};

const TITLE_MAX: usize = 200;
const DESCRIPTION_MAX: usize = 20_000;
const NOTES_MAX: usize = 5_000;
const LABEL_MAX: usize = 100;
const PRINTS_MAX: u32 = 1_000_000;
const RETRIES_MAX: u32 = 1_000;
const DAYS_MAX: u32 = 36_500;

/// A value that its own type refused.
pub(crate) fn invalid(field: &str, error: impl std::fmt::Display) -> Fault {
    Fault::invalid(format!("`{field}` cannot be used: {error}."), "Change it and send the request again.")
}

pub(crate) fn title(text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > TITLE_MAX || text.chars().any(char::is_control) {
        return Err(invalid("title", "it has 1 to 200 characters on one line"));
    }
    Ok(text.to_owned())
}

pub(crate) fn description(text: &str) -> Result<String> {
    if text.chars().count() > DESCRIPTION_MAX || !text.chars().all(printable) {
        return Err(invalid("description", "it has at most 20000 characters of plain text"));
    }
    Ok(text.to_owned())
}

/// What is told of a release.
pub(crate) fn notes(text: &str) -> Result<String> {
    if text.chars().count() > NOTES_MAX || !text.chars().all(printable) {
        return Err(invalid("notes", "they have at most 5000 characters of plain text"));
    }
    Ok(text.trim_end().to_owned())
}

/// Text of a few lines that people write to each other.
pub(crate) fn words(field: &str, text: &str, max: usize) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > max || !text.chars().all(printable) {
        return Err(invalid(field, format_args!("it has at most {max} characters of plain text")));
    }
    Ok(text.to_owned())
}

/// What a publisher calls a voucher.
pub(crate) fn label(text: &str) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > LABEL_MAX || text.chars().any(char::is_control) {
        return Err(invalid("label", "it has at most 100 characters on one line"));
    }
    Ok(text.to_owned())
}

pub(crate) fn prints(prints: u32) -> Result<u32> {
    if (1..=PRINTS_MAX).contains(&prints) {
        return Ok(prints);
    }
    Err(invalid("prints", "it is 1 to 1000000"))
}

pub(crate) fn devices(devices: u32) -> Result<u32> {
    if (1..=PRINTS_MAX).contains(&devices) {
        return Ok(devices);
    }
    Err(invalid("plugin.devices", "it is 1 to 1000000"))
}

pub(crate) fn valid_days(days: u32) -> Result<u32> {
    if (1..=DAYS_MAX).contains(&days) {
        return Ok(days);
    }
    Err(invalid("valid_days", "it is 1 to 36500"))
}

pub(crate) fn retries(retries: u32) -> Result<u32> {
    if retries <= RETRIES_MAX {
        return Ok(retries);
    }
    Err(invalid("free_retries", "it is 0 to 1000"))
}

/// Of text that may have lines.
fn printable(c: char) -> bool {
    !c.is_control() || matches!(c, '\n' | '\r' | '\t')
}
