//! How Klipper reads a line, written down after its documented behaviour: slow and plain, to compare with.
//!
//! Shared with the fuzz target `gcode_line`, where no Python can be asked.

use std::collections::BTreeMap;

/// What a command would be handed.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    /// The command's name.
    pub(crate) command: String,
    /// Its parameters.
    pub(crate) params: BTreeMap<String, String>,
    /// Its text.
    pub(crate) raw: String,
}

/// `Err` where Klipper refuses the line, `Ok(None)` where no command runs.
pub(crate) fn klipper(line: &str) -> Result<Option<Seen>, ()> {
    let line = strip(line);
    let parts = split(&line.split(';').next().unwrap_or_default().to_uppercase());
    let numbered = parts[..parts.len().min(2)].concat() == "N";
    let (skipped, taken) = if numbered { (3, 2) } else { (0, 3) };
    let name = parts.iter().skip(skipped).take(taken).map(String::as_str).collect::<String>();
    let mut command = strip(&name).to_owned();
    if command.is_empty() {
        return Ok(None);
    }
    let letters = || {
        let pairs = parts[1..].chunks(2).map(|pair| (pair[0].clone(), strip(&pair[1]).to_owned()));
        pairs.collect::<BTreeMap<String, String>>()
    };
    if command.contains(is_blank) {
        // Texts may begin with numbers.
        let first = command.split(is_blank).find(|word| !word.is_empty()).unwrap_or_default().to_owned();
        if !command.contains(' ') || !matches!(first.as_str(), "M117" | "M118" | "M23") {
            return Ok(None);
        }
        command = first;
        let raw = raw(line, &command);
        return Ok(Some(Seen { params: letters(), raw, command }));
    }
    let raw = raw(line, &command);
    let mut beginning = command.chars();
    let traditional = beginning.next().is_some_and(char::is_uppercase)
        && beginning.next().is_some_and(|c| c.is_ascii_digit())
        && command.chars().skip(1).all(|c| c.is_ascii_digit() || c == '.')
        && command.matches('.').count() < 2;
    let params = if traditional { letters() } else { named(&raw)? };
    Ok(Some(Seen { params, raw, command }))
}

/// Klipper is written in Python, to which these are blanks.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn strip(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// Text before the first key, then keys and what follows each.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut in_word = false;
    for c in text.chars() {
        let word = c.is_ascii_uppercase() || c == '_';
        if c == '*' || word && !in_word {
            parts.extend([c.to_string(), String::new()]);
        } else if word {
            let key = parts.len() - 2;
            parts[key].push(c);
        } else {
            let value = parts.len() - 1;
            parts[value].push(c);
        }
        in_word = word;
    }
    parts
}

/// What follows the command; behind a line number, without a checksum.
fn raw(line: &str, command: &str) -> String {
    let (line, length) = (line.chars().collect::<Vec<_>>(), command.chars().count());
    let text = |from: usize, to: usize| line.get(from..to).unwrap_or_default().iter().collect::<String>();
    let (mut start, mut end) = (length, line.len());
    if text(0, length.min(end)).to_uppercase() != command {
        let upper = text(0, end).to_uppercase();
        start += upper.find(command).map_or(0, |at| upper[..at].chars().count());
        if let Some(star) = line.iter().rposition(|c| *c == '*') {
            let sum = text(star + 1, end);
            if !sum.is_empty() && sum.chars().all(char::is_numeric) {
                end = star;
            }
        }
    }
    if line.get(start).is_some_and(|c| is_blank(*c)) {
        start += 1;
    }
    text(start, end.max(start))
}

/// `KEY=VALUE` with the quotes, escapes and comments of a shell.
fn named(raw: &str) -> Result<BTreeMap<String, String>, ()> {
    let mut params = BTreeMap::new();
    let mut take = |word: String| match word.split_once('=') {
        Some((key, value)) => {
            params.insert(key.to_uppercase(), value.to_owned());
            Ok(())
        }
        None => Err(()),
    };
    let (mut word, mut begun) = (String::new(), false);
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => {
                if begun {
                    take(std::mem::take(&mut word))?;
                }
                begun = false;
            }
            '#' | ';' => break,
            '\'' | '"' => {
                begun = true;
                loop {
                    match chars.next().ok_or(())? {
                        end if end == c => break,
                        '\\' if c == '"' => {
                            let escaped = chars.next().ok_or(())?;
                            if !matches!(escaped, '\\' | '"') {
                                word.push('\\');
                            }
                            word.push(escaped);
                        }
                        other => word.push(other),
                    }
                }
            }
            '\\' => {
                begun = true;
                word.push(chars.next().ok_or(())?);
            }
            other => {
                begun = true;
                word.push(other);
            }
        }
    }
    if begun {
        take(word)?;
    }
    Ok(params)
}
