//! What an owner allows beyond the table: macros of the printer, with what may be asked of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Approved commands by their names in capitals, each with its parameters.
///
/// In TOML: `PRINT_START = { EXTRUDER = [0, 280], MATERIAL = ["PLA", "PETG"], NAME = "word" }`. A parameter that is not named
/// is refused. What the table forbids stays forbidden, and what it allows keeps its own limits.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Approvals(BTreeMap<String, BTreeMap<String, Allowed>>);

/// What a parameter may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Allowed {
    /// A number from one to the other, both included.
    Range([f64; 2]),
    /// One of these texts; case does not matter. They are made of what [`Kind::Text`] allows.
    Words(Vec<String>),
    /// Any of a kind.
    Kind(Kind),
}

/// A kind of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// Any number.
    Number,
    /// Letters, digits, `.`, `_`, `+` and `-`, at most 64 of them: nothing that means something to a template.
    Word,
    /// Printable ASCII with blanks, at most 64 of them, but none of `"`, `'`, `\`, `{`, `}`, `%`, `#`, `;`, `*` and `=`:
    /// `PLA Basic`.
    Text,
}

impl Approvals {
    /// Approves `command` with these parameters, in whatever case they are written.
    pub fn approve(
        &mut self,
        command: &str,
        parameters: impl IntoIterator<Item = (String, Allowed)>,
    ) -> Result<(), ApprovalError> {
        let command = name(command)?;
        if let Some(why) = crate::rules::table().never(&command) {
            return Err(ApprovalError::Never { command, why: why.to_owned() });
        }
        let mut kept = BTreeMap::new();
        for (parameter, allowed) in parameters {
            let parameter = name(&parameter)?;
            let sound = match &allowed {
                Allowed::Range([min, max]) => min <= max && min.is_finite() && max.is_finite(),
                Allowed::Words(words) => !words.is_empty() && words.iter().all(|word| is_label(word)),
                Allowed::Kind(_) => true,
            };
            if !sound {
                return Err(ApprovalError::Values { command, parameter });
            }
            kept.insert(parameter, allowed);
        }
        self.0.insert(command, kept);
        Ok(())
    }

    /// Reads what a settings file says.
    ///
    /// # Errors
    /// Names and values that can never be right.
    pub fn checked(self) -> Result<Self, ApprovalError> {
        let mut checked = Self::default();
        for (command, parameters) in self.0 {
            checked.approve(&command, parameters)?;
        }
        Ok(checked)
    }

    /// Names of the approved commands.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn get(&self, command: &str) -> Option<&BTreeMap<String, Allowed>> {
        self.0.get(command)
    }
}

/// Why something cannot be approved.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalError {
    /// Not the name of a command or parameter.
    #[error("`{0}` is not a name of a command or parameter")]
    Name(String),
    /// Nobody may allow this.
    #[error("{command} cannot be approved: {why}")]
    Never {
        /// The command.
        command: String,
        /// Why.
        why: String,
    },
    /// An empty range or list, or words that are more than words.
    #[error("{parameter} of {command}: a range is [lowest, highest], a list holds plain texts")]
    Values {
        /// The command.
        command: String,
        /// Its parameter.
        parameter: String,
    },
}

/// Whether a text is nothing but a word.
pub(crate) fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'+' | b'-'))
}

/// Whether a text means nothing to a template, or to the command that a template puts it in.
pub(crate) fn is_label(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| (b == b' ' || b.is_ascii_graphic()) && !br#""'\{}%#;*="#.contains(&b))
}

fn name(text: &str) -> Result<String, ApprovalError> {
    let sound = is_word(text) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'));
    if sound {
        Ok(text.to_ascii_uppercase())
    } else {
        Err(ApprovalError::Name(text.chars().take(64).collect()))
    }
}
