//! Commands as Klipper reads them: case does not matter, `G1X10Y20` needs no spaces, names take `KEY=VALUE`.

/// The command of a line.
#[derive(Debug, PartialEq)]
pub(crate) enum Command<'a> {
    /// A letter and a number, such as `G1` or `M104`.
    Letter { letter: u8, code: u32, arguments: Arguments<'a> },
    /// A name, such as `SET_PRINT_STATS_INFO`.
    Name { name: &'a [u8], arguments: &'a [u8] },
}

/// Arguments of a letter command: letters with numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Arguments<'a>(pub(crate) &'a [u8]);

/// Reads the command of a line without its comment; `None` when there is nothing on it.
pub(crate) fn parse(text: &[u8]) -> Option<Command<'_>> {
    let mut rest = trim_start(text);
    // Line numbers of old hosts: N123 G1 X1
    if let [b'N' | b'n', digit, ..] = rest
        && digit.is_ascii_digit()
    {
        let digits = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
        rest = trim_start(&rest[1 + digits..]);
    }
    let [first, after @ ..] = rest else { return None };
    let digits = after.iter().take_while(|b| b.is_ascii_digit()).count();
    if first.is_ascii_alphabetic() && digits > 0 {
        let next = after.get(digits).copied().unwrap_or(b' ');
        if next != b'_' {
            let code = after[..digits]
                .iter()
                .fold(0u32, |n, b| n.saturating_mul(10).saturating_add(u32::from(b - b'0')));
            // G29.1 is not G29: keep the fraction out of the arguments and out of the known codes.
            let (code, skip) = if next == b'.' { (u32::MAX, digits + 1) } else { (code, digits) };
            let arguments = Arguments(&after[skip..]);
            return Some(Command::Letter { letter: first.to_ascii_uppercase(), code, arguments });
        }
    }
    let end = rest.iter().position(|b| matches!(b, b' ' | b'\t' | b'\r')).unwrap_or(rest.len());
    let (name, arguments) = rest.split_at(end);
    Some(Command::Name { name, arguments })
}

impl<'a> Arguments<'a> {
    /// Every letter with its number, in order and up to a comment; no number where none can be read.
    pub(crate) fn letters(self) -> Letters<'a> {
        Letters { text: self.0, at: 0, seen: 0, plain: true }
    }
}

/// See [`Arguments::letters`].
pub(crate) struct Letters<'a> {
    text: &'a [u8],
    at: usize,
    seen: u32,
    plain: bool,
}

impl Letters<'_> {
    /// Whether there was nothing so far but letters with numbers, each letter once: Klipper reads those as they stand.
    pub(crate) fn plain(&self) -> bool {
        self.plain
    }
}

impl Iterator for Letters<'_> {
    type Item = (u8, Option<f64>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let byte = *self.text.get(self.at)?;
            self.at += 1;
            if byte.is_ascii_alphabetic() {
                let letter = byte & 0xdf;
                let bit = 1 << (letter - b'A');
                self.plain &= self.seen & bit == 0;
                self.seen |= bit;
                let mut start = self.at;
                while matches!(self.text.get(start), Some(b' ' | b'\t')) {
                    start += 1;
                }
                let (value, end) = number(self.text, start);
                if value.is_some() {
                    self.at = end;
                } else {
                    self.plain = false;
                }
                return Some((letter, value));
            }
            if byte == b';' {
                self.at = self.text.len();
            } else {
                self.plain &= matches!(byte, b' ' | b'\t' | b'\r');
            }
        }
    }
}

/// The value of `KEY=` among the arguments of a named command, without quotes.
pub(crate) fn find_argument<'a>(arguments: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let key = key.as_bytes();
    let mut rest = trim_start(arguments);
    let mut found = None;
    while !rest.is_empty() {
        let equals = rest.iter().position(|b| *b == b'=')?;
        let name = rest[..equals].trim_ascii();
        let after = trim_start(&rest[equals + 1..]);
        let (value, next) = match after {
            [quote @ (b'"' | b'\''), quoted @ ..] => {
                let end = quoted.iter().position(|b| b == quote).unwrap_or(quoted.len());
                (&quoted[..end], quoted.get(end + 1..).unwrap_or_default())
            }
            _ => {
                let end = after.iter().position(|b| matches!(b, b' ' | b'\t' | b'\r')).unwrap_or(after.len());
                after.split_at(end)
            }
        };
        // Of the same key twice Klipper takes the last.
        if name.eq_ignore_ascii_case(key) {
            found = Some(value);
        }
        rest = trim_start(next);
    }
    found
}

/// A number that is the whole text. Named commands take what Python takes: `1e3`, `1_000`, `inf`.
pub(crate) fn number_text(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?.trim().replace('_', "");
    text.parse().ok().filter(|value: &f64| !value.is_nan())
}

/// Reads a decimal number at `at` and says where it ends. No exponents: Klipper takes `E` for the next argument.
#[inline]
pub(crate) fn number(text: &[u8], at: usize) -> (Option<f64>, usize) {
    /// Numbers of so many digits fit the mantissa, and their scale the table.
    const DIGITS: usize = 18;
    /// Up to here mantissas are exact, and so is what a division makes of them: the number that Python reads.
    const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;
    const SCALE: [f64; DIGITS + 1] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
        1e18,
    ];
    let sign = text.get(at).copied().unwrap_or_default();
    let start = at + usize::from(sign == b'-' || sign == b'+');
    let (mantissa, mut end) = digits(text, start, 0);
    let (mut mantissa, whole) = (mantissa, end - start);
    let mut decimals = 0;
    if text.get(end) == Some(&b'.') {
        let point = end;
        (mantissa, end) = digits(text, point + 1, mantissa);
        decimals = end - point - 1;
    }
    if whole + decimals == 0 {
        return (None, at);
    }
    if whole + decimals > DIGITS || mantissa > EXACT {
        return (long_number(&text[at..end]), end);
    }
    let value = mantissa as f64 / SCALE[decimals];
    (Some(if sign == b'-' { -value } else { value }), end)
}

/// Adds the digits at `at` to `mantissa`, which means nothing after too many of them.
#[inline]
fn digits(text: &[u8], at: usize, mut mantissa: u64) -> (u64, usize) {
    let mut end = at;
    while let Some(digit) = text.get(end).map(|b| b.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        end += 1;
    }
    (mantissa, end)
}

#[cold]
fn long_number(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

pub(crate) fn trim_start(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\r')).unwrap_or(text.len());
    &text[start..]
}
