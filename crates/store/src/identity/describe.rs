//! What a printer or its owner says about it, made fit to be shown and kept.

use http::StatusCode;
use sealpost_accounts::ApiError;
use sealpost_api::pairing::PrinterDescription;

const NAME_CHARS: usize = 80;
const TEXT_CHARS: usize = 1000;

/// One line for people: no control characters, at most 80 characters; `None` when nothing is left.
pub(super) fn line(text: &str) -> Option<String> {
    let text: String =
        text.chars().filter(|c| !c.is_control() && !is_invisible(*c)).take(NAME_CHARS).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Some lines for people, at most 1000 characters.
pub(super) fn text(text: &str) -> String {
    text.chars().filter(|c| (!c.is_control() || *c == '\n') && !is_invisible(*c)).take(TEXT_CHARS).collect()
}

/// A printer's description of itself, cleaned.
///
/// # Errors
/// Where the number of tool heads makes no sense.
pub(super) fn printer(printer: &PrinterDescription) -> Result<PrinterDescription, ApiError> {
    if printer.extruder_count.is_some_and(|count| !(1..=16).contains(&count)) {
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The request cannot be used")
            .detail("`extruder_count` is not between 1 and 16.")
            .hint("Leave it out, or say how many tool heads the printer has."));
    }
    let clean = |text: &Option<String>| text.as_deref().and_then(line);
    Ok(PrinterDescription {
        name: clean(&printer.name),
        manufacturer: clean(&printer.manufacturer),
        model: clean(&printer.model),
        extruder_count: printer.extruder_count,
    })
}

/// Characters that turn the direction of a line or take no place: they make one name look like another.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_short_visible_line() {
        assert_eq!(line(" Voron\n\u{202e} 2.4\t"), Some("Voron 2.4".to_owned()));
        assert_eq!(line("\n \u{200b}"), None);
        assert_eq!(line(&"x".repeat(500)).unwrap().len(), 80);
    }

    #[test]
    fn a_printer_without_tool_heads_is_refused() {
        let count = |extruder_count| printer(&PrinterDescription { extruder_count, ..Default::default() });
        assert!(count(None).is_ok() && count(Some(1)).is_ok() && count(Some(16)).is_ok());
        assert!(count(Some(0)).is_err() && count(Some(17)).is_err());
    }
}
