//! Why a job ended, as its buyer and its seller read it: a stable code, a colon, a sentence.

use super::LastPrint;

/// Somebody at the store asked to stop it.
pub(super) const STOP_ASKED: &str = "stop_asked: the printer was asked to stop by the store";
/// The owner took it off the queue.
pub(super) const REMOVED: &str = "removed_at_printer: taken off the queue at the printer";
/// Cancelled by the printer's own panel or macros.
pub(super) const CANCELLED_HERE: &str = "cancelled_at_printer: the print was cancelled at the printer";
/// The program ended between claim and hand-over, and the store gave the job up meanwhile.
pub(super) const BROKEN_OFF: &str = "not_started: the printer was interrupted before the print began";
/// Closed before the start command came.
pub(super) const CLOSED: &str = "not_started: the file was closed before the print began";
/// The start command was sent and is without effect.
pub(super) const HELD: &str = "not_started: the printer held the file but did not start it";
/// The store did not take `starting`.
pub(super) const NOT_OURS: &str = "lease_lost: the store no longer gives this job to this printer";
/// Klipper's process ended during the print.
pub(super) const FORGOTTEN: &str =
    "outcome_unknown: Klipper no longer knows this print, whether the part is good cannot be told";

/// How a print ended that Klipper's extra saw end, other than as it should.
pub(super) fn of(last: &LastPrint) -> String {
    let said = without_lines(&last.message);
    let because = |code: &str, otherwise: &str| {
        format!("{code}: {}", if said.is_empty() { otherwise } else { said.as_str() })
    };
    match last.outcome.as_str() {
        "cancelled" if said.is_empty() => CANCELLED_HERE.to_owned(),
        "cancelled" => because("cancelled_at_printer", ""),
        "error" => because("print_error", "Klipper refused a line of the file"),
        "shutdown" => because("klipper_shutdown", "Klipper stopped"),
        "dropped" => CLOSED.to_owned(),
        "complete" => format!(
            "outcome_unknown: Klipper called the print complete at byte {} of {}",
            last.position, last.size
        ),
        other => format!("outcome_unknown: Klipper's extra calls the outcome `{}`", word(other)),
    }
}

/// Klipper quotes the line that it refused. It belongs to a bought file: of each quotation only the command's name leaves the
/// printer.
pub(crate) fn without_lines(message: &str) -> String {
    let mut rest = message.lines().next().unwrap_or_default();
    // What could not be parsed is a piece of the line too.
    if let Some((before, _)) = rest.split_once("unable to parse ") {
        rest = before.trim_end_matches([' ', ':']);
    }
    let mut clean = String::new();
    while let Some((start, mark)) = opening_quote(rest) {
        clean.push_str(&rest[..=start]);
        rest = &rest[start + 1..];
        // A line may hold the same mark: the last one ends it.
        let end = rest.rfind(mark).unwrap_or(rest.len());
        let quoted = &rest[..end];
        let name = word(quoted);
        clean.push_str(name);
        if name.len() < quoted.len() {
            clean.push('…');
        }
        rest = &rest[end..];
        if let Some(after) = rest.strip_prefix(mark) {
            clean.push(mark);
            rest = after;
        }
    }
    clean.push_str(rest);
    clean.trim().to_owned()
}

/// Where something is quoted: a mark at the beginning or behind a space, a colon or a bracket. An apostrophe in a word is none.
fn opening_quote(text: &str) -> Option<(usize, char)> {
    let mut before = ' ';
    for (at, mark) in text.char_indices() {
        if matches!(mark, '\'' | '"' | '`') && matches!(before, ' ' | ':' | '(' | '[' | '=') {
            return Some((at, mark));
        }
        before = mark;
    }
    None
}

/// The name of a command at the beginning of a line, at most 32 bytes.
fn word(text: &str) -> &str {
    let end = text.bytes().take(32).take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    &text[..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_a_quoted_line_only_the_commands_name_is_left() {
        for (said, left) in [
            ("Unable to parse move 'G1 X20.5 Y30 E0.1'", "Unable to parse move 'G1…'"),
            (
                "Error on 'SET_PRINT_STATS_INFO CURRENT_LAYER=none': unable to parse none",
                "Error on 'SET_PRINT_STATS_INFO…'",
            ),
            ("Malformed command 'SET_X A=it's'", "Malformed command 'SET_X…'"),
            ("Unknown command:\"SECRET MOVE\"", "Unknown command:\"SECRET…\""),
            (
                "Error evaluating 'gcode_macro A:gcode': gcode.CommandError: Unable to parse move 'G1 X1'",
                "Error evaluating 'gcode_macro…'",
            ),
            ("Malformed command 'M117 never closed", "Malformed command 'M117…"),
            ("Can't extrude below minimum temp", "Can't extrude below minimum temp"),
            (
                "Must home axis first: 20.000 0.000 0.000 [0.000]",
                "Must home axis first: 20.000 0.000 0.000 [0.000]",
            ),
            ("first line\nG1 X1", "first line"),
        ] {
            assert_eq!(without_lines(said), left);
        }
    }

    proptest! {
        #[test]
        fn nothing_of_a_quoted_line_but_its_first_word_leaves_the_printer(
            name in "[A-Z][A-Z0-9_]{0,12}", rest in "[ =][ -~]{0,60}", after in "[a-z :]{0,20}"
        ) {
            let line = format!("{name}{rest}secret");
            let left = without_lines(&format!("Error on '{line}'{after}"));
            prop_assert!(!left.contains("secret"), "{left}");
            let expected = format!("Error on '{name}");
            prop_assert!(left.starts_with(&expected));
        }
    }
}
