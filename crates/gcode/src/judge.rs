//! Commands against the table, the printer and what its owner approved.

use std::collections::{BTreeMap, BTreeSet};

use crate::approval::{Allowed, Kind, is_label, is_word};
use crate::command::trim_start;
use crate::motion::STATES;
use crate::reading::{Reading, Values, decode};
use crate::rules::{End, Presence, Rule, Value, table};
use crate::scanner::COMMAND_MAX;
use crate::{Limits, Refusal};

/// What hosts take for an order in a message to people.
const HOST_ACTION: &[u8] = b"action:";

/// Commands that printers often define anew.
const MOVING: [&str; 6] =
    ["G28", "BED_MESH_CALIBRATE", "QUAD_GANTRY_LEVEL", "Z_TILT_ADJUST", "PAUSE", "CANCEL_PRINT"];

/// Judges the commands of one file, line by line.
#[derive(Debug, Clone)]
pub struct Judge {
    limits: Limits,
    uses: BTreeMap<&'static str, u32>,
    hot: BTreeSet<String>,
    /// The sum of the file's offsets of Z, and those it saved by their names.
    offset: f64,
    offsets: BTreeMap<String, f64>,
    /// Whether something ran whose moves the file does not show.
    ran_macro: bool,
}

/// Where a refusal belongs.
#[derive(Clone, Copy)]
struct Place<'a> {
    line: u64,
    command: &'a str,
}

impl Judge {
    /// Judges by what a printer allows.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            uses: BTreeMap::new(),
            hot: BTreeSet::new(),
            offset: 0.0,
            offsets: BTreeMap::new(),
            ran_macro: false,
        }
    }

    /// Judges a line without its end, the `number`th of its file. Gives what Klipper will read there, `None` for nothing.
    ///
    /// Where moves lead to is not looked at here.
    ///
    /// # Errors
    /// Why the line is not run.
    pub fn line<'a>(&mut self, line: &'a [u8], number: u64) -> Result<Option<Reading<'a>>, Refusal> {
        let reading = match Reading::of(line, number) {
            Ok(Some(reading)) => reading,
            Ok(None) => return Ok(None),
            Err(refusal) if !self.skips_line(line) => return Err(refusal),
            Err(_) if line.len() > COMMAND_MAX => return Err(Refusal::LineTooLong { line: number }),
            Err(_) => return Ok(None),
        };
        self.reading(&reading, number)?;
        let end = memchr::memchr(b';', line).unwrap_or(line.len());
        let length = if matches!(reading.values, Values::Text(_)) { line.len() } else { end };
        let is_long = table().rule(&reading.command).is_some_and(|(_, rule)| rule.long);
        if length > COMMAND_MAX && !is_long {
            return Err(Refusal::LineTooLong { line: number });
        }
        Ok(Some(reading))
    }

    /// Whether Klipper says that it does not know a command, and goes on, whatever stands behind it: what only other firmware
    /// knows.
    fn skips(&self, command: &str) -> bool {
        let listed = match table().rule(command) {
            Some((_, rule)) => rule.printer == Some(Presence::Unapproved),
            // Old Klippers do not tell their own commands.
            None => is_m_code(command) && self.limits.defines("G1") == Some(true),
        };
        listed
            && self.limits.defines(command) == Some(false)
            && self.limits.approved.get(command).is_none()
            && table().never(command).is_none()
    }

    /// The same for a line that could be read in several ways: `M862.3 P "MK3S"`, `M486 APart.stl`.
    fn skips_line(&self, line: &[u8]) -> bool {
        let line = trim_start(line);
        let text = &line[..memchr::memchr(b';', line).unwrap_or(line.len())];
        let end = text.iter().position(|b| *b == b' ').unwrap_or(text.len());
        let Ok(command) = std::str::from_utf8(&text[..end]) else { return false };
        let mut parts = command.split('.');
        let first = parts.next().and_then(|part| part.strip_prefix(['M', 'm']));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let plain =
            first.is_some_and(is_number) && parts.next().is_none_or(is_number) && parts.next().is_none();
        let control = text.iter().any(|b| b.is_ascii_control() && !matches!(b, b'\t' | b'\r'));
        plain && !control && self.skips(&command.to_ascii_uppercase())
    }

    /// Whether the file left a heater on, as far as it shows.
    #[must_use]
    pub fn leaves_heat_on(&self) -> bool {
        !self.hot.is_empty()
    }

    /// Whether a macro ran that may have left the tool anywhere; asked once.
    pub(crate) fn take_macro(&mut self) -> bool {
        std::mem::take(&mut self.ran_macro)
    }

    fn reading(&mut self, reading: &Reading<'_>, line: u64) -> Result<(), Refusal> {
        let command = reading.command.as_str();
        let at = Place { line, command };
        if let Some(why) = table().never(command) {
            return Err(Refusal::Forbidden { line, command: at.command(), why: why.to_owned() });
        }
        if self.skips(command) {
            return Ok(());
        }
        let Some((name, rule)) = table().rule(command) else {
            return self.approved(reading, at);
        };
        if let Some(times) = rule.times {
            let uses = self.uses.entry(name).or_default();
            *uses += 1;
            if *uses > times {
                return Err(Refusal::TooOften { line, command: at.command(), times });
            }
        }
        let defined = self.limits.defines(command);
        match (rule.printer, defined) {
            (Some(Presence::Required), Some(false)) => {
                return Err(Refusal::NotDefined { line, command: at.command() });
            }
            (Some(Presence::Unapproved), Some(false)) => return Ok(()),
            (Some(Presence::Unapproved), Some(true)) => return self.approved(reading, at),
            (None, _) | (Some(_), Some(false)) => {}
            (Some(_), _) => {
                self.hot.clear();
                self.note_macro(command);
                if self.limits.approved.get(command).is_some() {
                    return self.approved(reading, at);
                }
                if !self.limits.conventional_macros {
                    return Err(Refusal::NotApproved { line, command: at.command() });
                }
            }
        }
        if let Some(section) = &rule.needs
            && self.limits.lacks(section)
            && defined != Some(true)
        {
            return Err(Refusal::Needs { line, command: at.command(), section: section.clone() });
        }
        if command == "TURN_OFF_HEATERS" {
            self.hot.clear();
        }
        self.values(rule, reading, at)?;
        self.follow_offset(rule, reading, at)
    }

    /// Adds the offsets of Z up: one after the other they might lead below the bed.
    fn follow_offset(&mut self, rule: &Rule, reading: &Reading<'_>, at: Place<'_>) -> Result<(), Refusal> {
        // Often made macros, which may take offsets back.
        if MOVING.contains(&at.command) {
            self.offset = self.offset.min(0.0);
        }
        let Values::Named(values) = &reading.values else { return Ok(()) };
        let text =
            |wanted: &str| values.iter().find(|(name, _)| name == wanted).map(|(_, text)| text.as_ref());
        let state = || text("NAME").unwrap_or("default");
        match at.command {
            "SET_GCODE_OFFSET" => {
                let number = |wanted: &str| text(wanted).and_then(plain_number);
                let sum = number("Z").or_else(|| number("Z_ADJUST").map(|more| self.offset + more));
                if let (Some(sum), Some(Value::Number { min, max })) = (sum, rule.params.get("Z")) {
                    let end = |end: &Option<End>| end.as_ref().and_then(|end| end.value(&self.limits));
                    at.range("Z", sum, end(min), end(max))?;
                    self.offset = sum;
                }
            }
            "SAVE_GCODE_STATE" => {
                if self.offsets.len() >= STATES && !self.offsets.contains_key(state()) {
                    return Err(Refusal::UnknownPlace { line: at.line });
                }
                self.offsets.insert(state().to_owned(), self.offset);
            }
            "RESTORE_GCODE_STATE" => {
                let offset = self.offsets.get(state()).ok_or(Refusal::UnknownPlace { line: at.line })?;
                self.offset = *offset;
            }
            _ => {}
        }
        Ok(())
    }

    fn note_macro(&mut self, command: &str) {
        self.ran_macro = !returns(command);
        self.offset = self.offset.min(0.0);
        self.offsets.values_mut().for_each(|offset| *offset = offset.min(0.0));
    }

    fn values(&mut self, rule: &Rule, reading: &Reading<'_>, at: Place<'_>) -> Result<(), Refusal> {
        match &reading.values {
            Values::Text(text) => check_text(&decode(text)).ok_or_else(|| at.bad("text")),
            Values::Letters(letters) => {
                for (letter, number) in letters {
                    let letter = char::from(*letter).to_string();
                    match (rule.params.get(&letter), number) {
                        (Some(value), Some(number)) => {
                            self.number(value, *number, reading, &letter, at)?;
                        }
                        // Klipper fails at these: `G1 X`.
                        (Some(_), None) => return Err(at.bad(&letter)),
                        (None, _) if rule.others == Some(false) => return Err(at.bad(&letter)),
                        (None, _) => {}
                    }
                }
                Ok(())
            }
            Values::Named(values) => {
                for (name, text) in values {
                    let value = rule.params.get(name).ok_or_else(|| at.bad(name))?;
                    self.value(value, text, reading, name, at)?;
                }
                Ok(())
            }
        }
    }

    fn value(
        &mut self,
        value: &Value,
        text: &str,
        reading: &Reading<'_>,
        name: &str,
        at: Place<'_>,
    ) -> Result<(), Refusal> {
        let sound = match value {
            Value::Number { .. } | Value::Heat { .. } => {
                let number = plain_number(text).ok_or_else(|| at.bad(name))?;
                return self.number(value, number, reading, name, at);
            }
            Value::Heater => self.limits.heater(text).is_some(),
            Value::Sensor => self.limits.sensor(text).is_some(),
            Value::Word => is_word(text),
            Value::Label => is_label(text),
            Value::Text => check_text(text).is_some(),
            Value::OneOf { of } => of.iter().any(|word| word.eq_ignore_ascii_case(text)),
            Value::Point { max } => {
                let within = |part: &str| {
                    plain_number(part)
                        .is_some_and(|number| max.is_none_or(|max| (0.0..=max).contains(&number)))
                };
                text.split(',').count() <= 2 && text.split(',').all(within)
            }
            Value::Points => {
                let macros = table().rule(at.command).is_some_and(|(_, rule)| rule.printer.is_some());
                let others: &[u8] = if macros { b".,+-[]_ " } else { b".,+-[]_ eE" };
                text.bytes().all(|b| b.is_ascii_digit() || others.contains(&b))
            }
        };
        if sound { Ok(()) } else { Err(at.bad(name)) }
    }

    fn number(
        &mut self,
        value: &Value,
        number: f64,
        reading: &Reading<'_>,
        name: &str,
        at: Place<'_>,
    ) -> Result<(), Refusal> {
        match value {
            Value::Number { min, max } => {
                let end = |end: &Option<End>| end.as_ref().and_then(|end| end.value(&self.limits));
                at.range(name, number, end(min), end(max))
            }
            Value::Heat { of } => {
                let heater = heater_of(of, reading).ok_or_else(|| at.bad(name))?;
                let known = if of == "SENSOR" {
                    self.limits.sensor(&heater)
                } else {
                    self.limits.heater(&heater).or_else(|| self.limits.unnamed(&heater))
                };
                // Klipper lets a file switch off a nozzle that is not there.
                let (kind, limit) = match known {
                    None if of == "T" && number == 0.0 => return Ok(()),
                    known => known.ok_or_else(|| at.bad(name))?,
                };
                if let Some(limit) = limit.filter(|limit| number > *limit) {
                    return Err(Refusal::TooHot { line: at.line, heater: kind, asked: number, limit });
                }
                at.range(name, number, Some(0.0), None)?;
                if table().rule(at.command).is_some_and(|(_, rule)| rule.printer.is_none()) && of != "SENSOR"
                {
                    if number > 0.0 {
                        self.hot.insert(heater)
                    } else {
                        self.hot.remove(&heater)
                    };
                }
                Ok(())
            }
            // A letter command's number where the table wants a text.
            _ => Err(at.bad(name)),
        }
    }

    fn approved(&mut self, reading: &Reading<'_>, at: Place<'_>) -> Result<(), Refusal> {
        let (line, command) = (at.line, at.command);
        self.hot.clear();
        self.note_macro(command);
        let defined = self.limits.defines(command);
        let Some(parameters) = self.limits.approved.get(command) else {
            let command = at.command();
            return Err(match defined {
                Some(true) => Refusal::NotApproved { line, command },
                _ => Refusal::UnknownCommand { line, command },
            });
        };
        if defined == Some(false) {
            return Err(Refusal::NotDefined { line, command: at.command() });
        }
        match &reading.values {
            Values::Text(_) => Err(at.bad("text")),
            Values::Letters(letters) => letters.iter().try_for_each(|(letter, number)| {
                let letter = char::from(*letter).to_string();
                let allowed = parameters.get(&letter).zip(*number).ok_or_else(|| at.bad(&letter))?;
                allow(allowed.0, Some(allowed.1), "", &letter, at)
            }),
            Values::Named(values) => values.iter().try_for_each(|(name, text)| {
                let allowed = parameters.get(name).ok_or_else(|| at.bad(name))?;
                allow(allowed, plain_number(text), text, name, at)
            }),
        }
    }
}

fn is_m_code(command: &str) -> bool {
    command.strip_prefix('M').is_some_and(|code| code.starts_with(|c: char| c.is_ascii_digit()))
}

/// Whether a command brings the tool back to where it was.
pub(crate) fn returns(command: &str) -> bool {
    ["PAUSE", "M600", "TIMELAPSE_TAKE_FRAME", "HYPERLAPSE"].contains(&command)
}

fn allow(
    allowed: &Allowed,
    number: Option<f64>,
    text: &str,
    name: &str,
    at: Place<'_>,
) -> Result<(), Refusal> {
    let sound = match (allowed, number) {
        (Allowed::Range([min, max]), Some(number)) => {
            return at.range(name, number, Some(*min), Some(*max));
        }
        (Allowed::Words(words), _) => words.iter().any(|word| word.eq_ignore_ascii_case(text)),
        (Allowed::Kind(Kind::Number), number) => number.is_some(),
        (Allowed::Kind(Kind::Word), number) => is_word(text) || text.is_empty() && number.is_some(),
        (Allowed::Kind(Kind::Text), number) => is_label(text) || text.is_empty() && number.is_some(),
        (Allowed::Range(_), None) => false,
    };
    if sound { Ok(()) } else { Err(at.bad(name)) }
}

/// The name of the heater that a temperature is for.
fn heater_of(of: &str, reading: &Reading<'_>) -> Option<String> {
    match (of, &reading.values) {
        ("T", Values::Letters(letters)) => {
            let tool = letters.iter().find(|(letter, _)| *letter == b'T').and_then(|(_, number)| *number);
            match tool {
                None => Some("extruders".to_owned()),
                Some(0.0) => Some("extruder".to_owned()),
                Some(tool) if tool.fract() == 0.0 => Some(format!("extruder{tool}")),
                Some(_) => None,
            }
        }
        ("HEATER" | "SENSOR", Values::Named(values)) => {
            values.iter().find(|(name, _)| name == of).map(|(_, text)| text.to_string())
        }
        ("extruder", _) => Some("extruders".to_owned()),
        (name, _) => Some(name.to_owned()),
    }
}

fn check_text(text: &str) -> Option<()> {
    let text = text.as_bytes();
    let action = text.windows(HOST_ACTION.len()).any(|part| part.eq_ignore_ascii_case(HOST_ACTION));
    let control = text.iter().any(|b| b.is_ascii_control() && *b != b'\t');
    (text.len() <= table().text_max && !action && !control).then_some(())
}

/// A number that is the whole text, as people write numbers: no `inf`, no `1_000`, and no exponent. A macro hands the text on, and
/// Klipper reads `M104 S300e-2` as 300 °C.
fn plain_number(text: &str) -> Option<f64> {
    let plain = text.len() <= 32 && text.bytes().all(|b| b.is_ascii_digit() || b".+-".contains(&b));
    text.parse().ok().filter(|number: &f64| plain && number.is_finite())
}

impl Place<'_> {
    fn command(self) -> String {
        self.command.to_owned()
    }

    fn bad(self, parameter: &str) -> Refusal {
        Refusal::BadParameter { line: self.line, command: self.command(), parameter: parameter.to_owned() }
    }

    fn range(self, parameter: &str, asked: f64, min: Option<f64>, max: Option<f64>) -> Result<(), Refusal> {
        let (min, max) = (min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY));
        if min <= asked && asked <= max {
            return Ok(());
        }
        let (command, parameter) = (self.command(), parameter.to_owned());
        Err(Refusal::OutOfRange { line: self.line, command, parameter, asked, min, max })
    }
}
