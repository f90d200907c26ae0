//! The table of commands: `rules.json`, which Klipper's extra reads too.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

use crate::Limits;

/// The table that this program was built with.
pub(crate) fn table() -> &'static Table {
    // A table that cannot be read allows nothing; a test reads it.
    static TABLE: LazyLock<Table> =
        LazyLock::new(|| serde_json::from_str(include_str!("../rules.json")).unwrap_or_default());
    &TABLE
}

/// Whether every printer runs a command, or skips it without harm.
pub(crate) fn is_common(command: &str) -> bool {
    let presence = table().rule(command).map(|(_, rule)| rule.printer);
    matches!(presence, Some(None | Some(Presence::Optional | Presence::Unapproved)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    /// Rises when an older reader could not follow the table.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the extra looks at it, which may be older than its table")
    )]
    format: u32,
    /// Longest text that is shown, bytes.
    pub(crate) text_max: usize,
    /// Longest command and longest line, bytes: what a checker lets pass the extra must read.
    #[cfg_attr(not(test), expect(dead_code, reason = "constants here; the extra looks at it"))]
    command_max: usize,
    #[cfg_attr(not(test), expect(dead_code, reason = "constants here; the extra looks at it"))]
    line_max: usize,
    /// How far below the bed a move may seem to go, millimetres.
    pub(crate) bed_margin: f64,
    never_prefixes: Vec<String>,
    never: BTreeMap<String, String>,
    commands: BTreeMap<String, Rule>,
}

/// What a command may be given.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Rule {
    pub(crate) params: BTreeMap<String, Value>,
    /// Whether a letter command may have other letters, with plain numbers: Klipper ignores them.
    pub(crate) others: Option<bool>,
    /// Takes the rest of the line as a text.
    pub(crate) text: bool,
    /// May be as long as a line.
    pub(crate) long: bool,
    /// The section of the printer's configuration that it needs.
    pub(crate) needs: Option<String>,
    /// For commands that Klipper does not have by itself.
    pub(crate) printer: Option<Presence>,
    /// How often a file may use it.
    pub(crate) times: Option<u32>,
}

/// What is asked of the printer for a command that Klipper does not have by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Presence {
    /// The printer must define it.
    Required,
    /// Klipper skips it where the printer does not define it.
    Optional,
    /// The same, but where the printer defines it, its owner has to approve it.
    Unapproved,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Value {
    Number {
        min: Option<End>,
        max: Option<End>,
    },
    /// A temperature for the heater that is named here, or by the parameter of this name.
    Heat {
        of: String,
    },
    Heater,
    Sensor,
    Word,
    /// Words with blanks and signs that mean nothing to a template.
    Label,
    Text,
    OneOf {
        of: Vec<String>,
    },
    /// `1,2`
    Point {
        max: Option<f64>,
    },
    /// Numbers with brackets and commas.
    Points,
}

/// The end of a range: a number, or what the printer says.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum End {
    Number(f64),
    Printer(String),
}

impl Table {
    /// Why nobody may use this command.
    pub(crate) fn never(&self, command: &str) -> Option<&str> {
        let prefixed = self.never_prefixes.iter().any(|prefix| command.starts_with(prefix.as_str()));
        let prefixed = prefixed.then_some("it interferes with how a purchased file is printed");
        self.never.get(command).map(String::as_str).or(prefixed)
    }

    /// The rule of a command, and the name it is counted by.
    pub(crate) fn rule(&'static self, command: &str) -> Option<(&'static str, &'static Rule)> {
        let tool = command
            .strip_prefix('T')
            .filter(|digits| (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()));
        let found = self.commands.get_key_value(command);
        let found = found.or_else(|| tool.and_then(|_| self.commands.get_key_value("T")));
        found.map(|(name, rule)| (name.as_str(), rule))
    }

    pub(crate) fn is_text(&self, command: &str) -> bool {
        self.commands.get(command).is_some_and(|rule| rule.text)
    }
}

impl End {
    /// `None` where the printer says nothing.
    pub(crate) fn value(&self, limits: &Limits) -> Option<f64> {
        match self {
            Self::Number(value) => Some(*value),
            Self::Printer(name) => match name.as_str() {
                "max_velocity" => limits.max_velocity,
                "max_accel" => limits.max_accel,
                "square_corner_velocity" => limits.square_corner_velocity,
                // A name nobody knows allows nothing.
                _ => Some(f64::NEG_INFINITY),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scanner::{COMMAND_MAX, LINE_MAX};

    #[test]
    fn the_table_can_be_read_and_names_only_what_is_known() {
        let table: Table = serde_json::from_str(include_str!("../rules.json")).unwrap();
        assert_eq!(table.format, 1);
        assert_eq!((table.command_max, table.line_max), (COMMAND_MAX, LINE_MAX));
        for (command, rule) in &table.commands {
            assert_eq!(table.never(command), None, "{command}");
            for value in rule.params.values() {
                if let Value::Number { min, max } = value {
                    for end in [min, max].into_iter().flatten() {
                        assert_ne!(end.value(&Limits::default()), Some(f64::NEG_INFINITY), "{command}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_extra_has_the_same_table() {
        let theirs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../klipper/sealpost/rules.json");
        let theirs = std::fs::read_to_string(theirs).unwrap();
        assert!(theirs == include_str!("../rules.json"), "copy crates/gcode/rules.json to klipper/sealpost/");
    }
}
