//! Lines as Klipper reads them, and only those that can be read in one way.
//!
//! Klipper splits a line, in capitals and up to its comment, at every run of letters and underscores and at every `*`: the
//! first piece with what follows it is the command, the others are its arguments. Named commands then read their arguments
//! anew like a shell does. What comes out of that for a strange line is seldom what it looks like, so a line that is not
//! in the plain form that slicers write is not read at all.

use std::borrow::Cow;

use crate::Refusal;
use crate::command::{number, trim_start};
use crate::rules::table;

/// Longest name of a command, bytes.
const NAME_MAX: usize = 64;

/// A command with its arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading<'a> {
    /// In capitals.
    pub command: String,
    /// See [`Values`].
    pub values: Values<'a>,
}

/// What follows a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Values<'a> {
    /// Letters with numbers, or without, as in `G1 X10` and `G28 X`.
    Letters(Vec<(u8, Option<f64>)>),
    /// Names in capitals with their texts, as in `SET_LED LED=a`.
    Named(Vec<(String, Cow<'a, str>)>),
    /// The text behind `M117` and `M118`, with what looks like a comment.
    Text(&'a [u8]),
}

impl<'a> Reading<'a> {
    /// Reads a line without its end, the `number`th of its file; `Ok(None)` where nothing is on it.
    ///
    /// # Errors
    /// The line is not in the plain form, or not text.
    pub fn of(line: &'a [u8], number: u64) -> Result<Option<Self>, Refusal> {
        read(line, |command| table().is_text(command)).map_err(|unclear| match unclear {
            Unclear::NotText => Refusal::NotText { line: number },
            Unclear::Form => Refusal::Unclear { line: number },
        })
    }
}

/// Why a line cannot be read in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unclear {
    /// Outside ASCII, where letters may turn into others in capitals.
    NotText,
    /// Anything else.
    Form,
}

/// Reads a line without its end; `Ok(None)` where nothing is on it. `is_text` says which commands take all that follows.
fn read(line: &[u8], is_text: impl Fn(&str) -> bool) -> Result<Option<Reading<'_>>, Unclear> {
    let line = trim(line);
    let end = memchr::memchr(b';', line).unwrap_or(line.len());
    let text = trim(&line[..end]);
    if text.is_empty() {
        return Ok(None);
    }
    if !text[0].is_ascii() {
        return Err(Unclear::NotText);
    }
    let (numbered, text) = without_number(text)?;
    let digits = |from: usize| text[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    if text[0].is_ascii_alphabetic() && digits(1) > 0 {
        let mut end = 1 + digits(1);
        if text.get(end) == Some(&b'.') {
            let fraction = digits(end + 1);
            if fraction == 0 {
                return Err(Unclear::Form);
            }
            end += 1 + fraction;
        }
        let command = capitals(&text[..end])?;
        if is_text(&command) {
            // Klipper takes the text from the whole line, with a comment.
            return match line.get(end) {
                _ if numbered => Err(Unclear::Form),
                None | Some(b' ' | b';') => Ok(Some(Reading { command, values: Values::Text(&line[end..]) })),
                Some(_) => Err(Unclear::Form),
            };
        }
        let values = Values::Letters(letters(&text[end..])?);
        return Ok(Some(Reading { command, values }));
    }
    let letters = text.iter().take_while(|b| b.is_ascii_alphabetic() || **b == b'_').count();
    let end = letters + digits(letters);
    let apart = matches!(text.get(end), None | Some(b' ' | b'\t'));
    if letters < 2 || numbered || !apart {
        return Err(Unclear::Form);
    }
    let command = capitals(&text[..end])?;
    Ok(Some(Reading { command, values: Values::Named(named(&text[end..])?) }))
}

/// Takes `N123` off, which goes with letter commands only: named ones would read it differently.
fn without_number(text: &[u8]) -> Result<(bool, &[u8]), Unclear> {
    let [b'N' | b'n', rest @ ..] = text else { return Ok((false, text)) };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 {
        return Ok((false, text));
    }
    match trim_start(&rest[digits..]) {
        rest @ [letter, ..] if letter.is_ascii_alphabetic() => Ok((true, rest)),
        _ => Err(Unclear::Form),
    }
}

fn letters(text: &[u8]) -> Result<Vec<(u8, Option<f64>)>, Unclear> {
    let mut found: Vec<(u8, Option<f64>)> = Vec::new();
    let mut at = skip_blanks(text, 0);
    while let Some(byte) = text.get(at) {
        if *byte == b'*' {
            let sum = &text[at + 1..];
            return if sum.iter().all(u8::is_ascii_digit) { Ok(found) } else { Err(Unclear::Form) };
        }
        if !byte.is_ascii() {
            return Err(Unclear::NotText);
        }
        let letter = byte.to_ascii_uppercase();
        let doubled = found.iter().any(|(known, _)| *known == letter);
        // `XY10` is one argument to Klipper, and of `X1 X9` the last one counts.
        let run = text.get(at + 1).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
        if !letter.is_ascii_uppercase() || doubled || run {
            return Err(Unclear::Form);
        }
        let start = skip_blanks(text, at + 1);
        let (value, end) = number(text, start);
        found.push((letter, value));
        at = if value.is_some() { skip_blanks(text, end) } else { start };
    }
    Ok(found)
}

fn named(text: &[u8]) -> Result<Vec<(String, Cow<'_, str>)>, Unclear> {
    let mut found: Vec<(String, Cow<'_, str>)> = Vec::new();
    let mut rest = trim_start(text);
    while !rest.is_empty() {
        let equals = memchr::memchr(b'=', rest).ok_or(Unclear::Form)?;
        let name = capitals(&rest[..equals])?;
        let sound = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !sound || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(Unclear::Form);
        }
        let after = &rest[equals + 1..];
        let (value, next) = match after {
            [quote @ (b'"' | b'\''), quoted @ ..] => {
                let end = memchr::memchr(*quote, quoted).ok_or(Unclear::Form)?;
                (&quoted[..end], &quoted[end + 1..])
            }
            _ => {
                let end = after.iter().position(|b| matches!(b, b' ' | b'\t')).unwrap_or(after.len());
                // Blanks of other languages are cut off where a line ends.
                let strange = |c: char| matches!(c, '"' | '\'' | '#') || c.is_whitespace() || c.is_control();
                if decode(&after[..end]).chars().any(strange) {
                    return Err(Unclear::Form);
                }
                after.split_at(end)
            }
        };
        let apart = matches!(next, [] | [b' ' | b'\t', ..]);
        if !apart || value.contains(&b'\\') || found.iter().any(|(known, _)| *known == name) {
            return Err(Unclear::Form);
        }
        found.push((name, decode(value)));
        rest = trim_start(next);
    }
    Ok(found)
}

/// Text as Klipper's extra hands it on: what is not UTF-8 becomes a question mark a byte.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let marked =
        bytes.utf8_chunks().map(|chunk| chunk.valid().to_owned() + &"?".repeat(chunk.invalid().len()));
    Cow::Owned(marked.collect())
}

fn capitals(text: &[u8]) -> Result<String, Unclear> {
    if text.is_empty() || text.len() > NAME_MAX {
        return Err(Unclear::Form);
    }
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii()).ok_or(Unclear::NotText)?;
    Ok(text.to_ascii_uppercase())
}

fn skip_blanks(text: &[u8], at: usize) -> usize {
    at + text[at..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

fn trim(text: &[u8]) -> &[u8] {
    let text = trim_start(text);
    let end = text.iter().rposition(|b| !matches!(b, b' ' | b'\t' | b'\r')).map_or(0, |last| last + 1);
    &text[..end]
}
