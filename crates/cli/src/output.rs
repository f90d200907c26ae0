//! Data on standard output, as tables or JSON; talk on standard error.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{ErrorKind, IsTerminal, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

/// Says a line on standard error; unlike `eprintln!`, a listener that went away is no panic.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _gone = writeln!(std::io::stderr().lock(), $($text)*);
    }};
}
pub(crate) use say;

/// Whether a person looks at what is said on the way: progress bars are drawn only then.
pub(crate) fn person_watches() -> bool {
    std::io::stderr().is_terminal()
}

/// Prints the answer: `value` as JSON, or what `readable` makes of it.
pub(crate) fn answer<T: Serialize>(json: bool, value: &T, readable: impl FnOnce(&T) -> String) {
    if json {
        print_json(value);
    } else {
        print(&readable(value));
    }
}

/// Prints one JSON object on standard output.
pub(crate) fn print_json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&for_terminal(&text, std::io::stdout().is_terminal())),
        Err(error) => say!("sealpost: could not write JSON: {error} (json)"),
    }
}

static LOST: AtomicBool = AtomicBool::new(false);

/// Whether something could not be written to standard output, such as to a full disk. A reader that went away is no loss.
pub(crate) fn lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Prints `text` on standard output, ended by one newline.
pub(crate) fn print(text: &str) {
    let text = text.trim_end_matches('\n');
    if !text.is_empty() {
        let mut out = std::io::stdout().lock();
        let written = writeln!(out, "{text}").and_then(|()| out.flush());
        if written.is_err_and(|error| error.kind() != ErrorKind::BrokenPipe) {
            LOST.store(true, Ordering::Relaxed);
        }
    }
}

/// The text with nothing in it that steers a terminal or turns the direction of writing: titles, names and messages
/// come from strangers.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

/// Such as `1 print` and `3 prints`.
pub(crate) fn counted(count: impl Into<u64>, one: &str) -> String {
    let count = count.into();
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// JSON with what steers a terminal as `\uXXXX`, if it goes to one. To a reader of JSON it is the same.
pub(crate) fn for_terminal(json: &str, terminal: bool) -> Cow<'_, str> {
    // Outside of strings, line ends are all there is of these; in strings they are escaped already.
    let risky = |c: char| steers(c) && c != '\n';
    if !terminal || !json.contains(risky) {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        match risky(c) {
            true => _ = write!(text, "\\u{:04x}", u32::from(c)),
            false => text.push(c),
        }
    }
    Cow::Owned(text)
}

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `2026-11-20T23:11:09.123Z` as `2026-11-20 23:11Z`; anything else as it is.
pub(crate) fn short_date(rfc3339: &str) -> String {
    let utc = rfc3339.ends_with('Z') || rfc3339.ends_with("+00:00");
    match (rfc3339.get(..10), rfc3339.get(10..11), rfc3339.get(11..16)) {
        (Some(day), Some("T"), Some(minute)) if utc => format!("{day} {minute}Z"),
        _ => clean(rfc3339),
    }
}

/// Seconds as `1h 05m` or `42s`.
pub(crate) fn short_duration(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m {s:02}s"),
        (h, m, _) => format!("{h}h {m:02}m"),
    }
}

/// Bytes as `1.5 MB`.
pub(crate) fn short_size(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}

/// A number of thousandths as `42.5%`.
pub(crate) fn percent(permille: u32) -> String {
    format!("{}.{}%", permille / 10, permille % 10)
}

/// Rows under a heading, columns aligned, widths as they look.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with the given heading.
    pub(crate) fn new<const N: usize>(heading: [&str; N]) -> Self {
        Self { rows: vec![heading.map(str::to_owned).to_vec()] }
    }

    /// Adds a row; cells are cleaned.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.iter().map(|cell| clean(cell)).collect());
    }

    /// The table, or `empty` when it has no rows.
    pub(crate) fn or(self, empty: &str) -> String {
        if self.rows.len() == 1 { empty.to_owned() } else { self.render() }
    }

    fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let widths: Vec<usize> = (0..columns)
            .map(|column| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max())
            .map(Option::unwrap_or_default)
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// `Label: value` lines with the values aligned; lines without a value are left out.
pub(crate) fn facts<const N: usize>(lines: [(&str, Option<String>); N]) -> String {
    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
    lines
        .into_iter()
        .filter_map(|(label, value)| Some((label, value?)))
        .map(|(label, value)| {
            let label = format!("{label}:");
            format!("{label:<width$}  {}\n", clean(&value), width = width + 1)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_what_is_seen() {
        let mut table = Table::new(["ID", "TITLE"]);
        table.row(["a".into(), "é漢".into()]);
        table.row(["longer".into(), "b\u{1b}]0;x\u{7}".into()]);
        assert_eq!(table.or("none"), "ID      TITLE\na       é漢\nlonger  b\u{fffd}]0;x\u{fffd}\n");
    }

    #[test]
    fn json_steers_no_terminal_and_stays_the_same_json() {
        let value =
            serde_json::json!({"title": "é\u{1b}[2J\u{7f}\u{9b}2J\u{85}\u{61c}\u{202e}\u{2066}\\u\n漢"});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let shown = for_terminal(&text, true);
        assert_eq!(shown.lines().count(), 3);
        assert_eq!(shown.replace('\n', ""), clean(&shown.replace('\n', "")));
        assert!(shown.contains(r"\u009b2J\u0085\u061c\u202e\u2066") && shown.contains('漢'), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        assert_eq!(for_terminal(&text, false), text, "programs get it as it is");
    }

    #[test]
    fn an_empty_table_says_so() {
        assert_eq!(Table::new(["ID"]).or("No jobs."), "No jobs.");
    }

    #[test]
    fn dates_are_short_and_strange_ones_stay() {
        assert_eq!(short_date("2026-11-20T23:11:09.5Z"), "2026-11-20 23:11Z");
        assert_eq!(short_date("2026-11-20T23:11:09+00:00"), "2026-11-20 23:11Z");
        assert_eq!(short_date("2026-11-20T23:11:09+02:00"), "2026-11-20T23:11:09+02:00");
        assert_eq!(short_date("soon"), "soon");
    }

    #[test]
    fn durations_keep_two_units() {
        assert_eq!(
            [0, 42, 61, 3900, 90_000].map(short_duration),
            ["0s", "42s", "1m 01s", "1h 05m", "25h 00m"]
        );
    }

    #[test]
    fn facts_leave_out_what_is_unknown() {
        assert_eq!(
            facts([("Id", Some("x".into())), ("Layers", None), ("Size", Some("1".into()))]),
            "Id:      x\nSize:    1\n"
        );
    }
}
