//! The words of a command: a letter and a number.

/// Beyond this, in whatever unit, a number is a mistake and no measure.
const LARGEST: f64 = 1e7;

/// The command on a line without its comment, such as `G` and 1, and its words.
pub(crate) fn command(line: &[u8]) -> Option<(u8, u32, Words<'_>)> {
    let mut words = Words(line);
    let (mut letter, mut code) = words.next()?;
    if letter == b'N' {
        // Line numbers of old hosts.
        (letter, code) = words.next()?;
    }
    let whole = code? as i64;
    // G29.1 is not G29.
    let code = if code? == whole as f64 { u32::try_from(whole).ok()? } else { u32::MAX };
    Some((letter, code, words))
}

/// Letters with their numbers, as far as they can be read.
#[derive(Clone, Copy)]
pub(crate) struct Words<'a>(&'a [u8]);

impl Iterator for Words<'_> {
    type Item = (u8, Option<f64>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            if byte.is_ascii_alphabetic() {
                let (value, rest) = number(rest.trim_ascii_start());
                self.0 = rest;
                return Some((byte.to_ascii_uppercase(), value.filter(|value| value.abs() <= LARGEST)));
            }
        }
    }
}

/// The decimal number a text begins with, and what follows it. No exponents: `E` is the next word.
pub(crate) fn number(text: &[u8]) -> (Option<f64>, &[u8]) {
    let sign = usize::from(matches!(text, [b'-' | b'+', ..]));
    let (mut mantissa, mut scale, mut end, mut digits, mut point) = (0.0, 1.0, sign, 0, false);
    while let Some(&byte) = text.get(end) {
        match byte {
            b'0'..=b'9' => {
                digits += 1;
                mantissa = mantissa * 10.0 + f64::from(byte - b'0');
                scale *= if point { 10.0 } else { 1.0 };
            }
            b'.' if !point => point = true,
            _ => break,
        }
        end += 1;
    }
    if digits == 0 {
        return (None, text);
    }
    let value = mantissa / scale;
    let value = if text.starts_with(b"-") { -value } else { value };
    // A number of hundreds of digits overflows both.
    (Some(value).filter(|value| value.is_finite()), &text[end..])
}

/// The number of `KEY=NUMBER` among the arguments of a named command.
pub(crate) fn argument(line: &[u8], key: &str) -> Option<f64> {
    line.split(|byte| byte.is_ascii_whitespace()).find_map(|word| {
        let (name, value) = word.split_at_checked(key.len())?;
        let value = value.strip_prefix(b"=").filter(|_| name.eq_ignore_ascii_case(key.as_bytes()))?;
        number(value).0.filter(|value| value.abs() <= LARGEST)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_need_no_spaces_and_exponents_are_words() {
        let (letter, code, words) = command(b"g1X10Y-.5e1.25 F 1200").unwrap();
        assert_eq!((letter, code), (b'G', 1));
        let words: Vec<_> = words.collect();
        let expected = [(b'X', Some(10.0)), (b'Y', Some(-0.5)), (b'E', Some(1.25)), (b'F', Some(1200.0))];
        assert_eq!(words, expected);
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "-", ".", "+.", "x", "--1"] {
            assert_eq!(number(text.as_bytes()).0, None, "{text}");
        }
        assert_eq!(number("9".repeat(400).as_bytes()).0, None);
        assert!(command(b"X").is_none());
    }

    #[test]
    fn a_named_argument_is_found_whatever_its_case() {
        assert_eq!(argument(b"SET_VELOCITY_LIMIT accel=3000 X=1", "ACCEL"), Some(3000.0));
        assert_eq!(argument(b"SET_VELOCITY_LIMIT MAX_ACCEL=3000", "ACCEL"), None);
    }
}
