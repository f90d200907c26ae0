//! What is written on the command line, as a plugin takes it.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sealpost_host::{Value, ValueType};

use crate::failure::{Failure, Result};
use crate::input::Input;

/// One argument of a function.
pub(super) fn argument(kind: ValueType, text: &str) -> Result<Value> {
    let from = source(text);
    match (kind, from) {
        (ValueType::Bytes, Source::Written(_)) => {
            Err(wrong(kind, "it is written out")
                .hint("bytes come from a file, @FILE, or from standard input, -"))
        }
        (ValueType::Bytes, Source::File(path)) => Ok(Value::Bytes(read(path)?)),
        (ValueType::Text, from) => Ok(Value::Text(words(kind, from)?)),
        (ValueType::Json, from) => {
            let text = words(kind, from)?;
            let json = serde_json::from_str(&text).map_err(|error| wrong(kind, &error.to_string()));
            json.map(Value::Json).map_err(|failure| failure.hint("a text as JSON has quotes: '\"text\"'"))
        }
        (ValueType::I32, _) => {
            whole(text, i64::from(i32::MIN), i128::from(u32::MAX)).map(|n| Value::I32(n as i32))
        }
        (ValueType::I64, _) => whole(text, i64::MIN, i128::from(u64::MAX)).map(|n| Value::I64(n as i64)),
        (ValueType::F32, _) => number(kind, text).map(Value::F32),
        (ValueType::F64, _) => number(kind, text).map(Value::F64),
        (kind, _) => Err(wrong(kind, "this command cannot make one")),
    }
}

/// A size such as `64M`, for options.
pub(super) fn size(text: &str) -> Result<usize, String> {
    const WHY: &str = "a size is written 64M, 512K or 1G, or in bytes";
    let (digits, unit) = split(text);
    let shift = match unit.to_ascii_uppercase().trim_end_matches('B').trim_end_matches('I') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => return Err(WHY.to_owned()),
    };
    let bytes = digits.parse::<usize>().ok().and_then(|number| number.checked_mul(1 << shift));
    bytes.ok_or_else(|| WHY.to_owned())
}

/// A time such as `10s`, for options.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    const WHY: &str = "a time is written 10s, 500ms or 2m";
    let (digits, unit) = split(text);
    let factor = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        _ => return Err(WHY.to_owned()),
    };
    let milliseconds = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    milliseconds.map(Duration::from_millis).ok_or_else(|| WHY.to_owned())
}

enum Source<'a> {
    File(&'a Path),
    Written(&'a str),
}

fn source(text: &str) -> Source<'_> {
    match text.strip_prefix('@') {
        Some(rest) if rest.starts_with('@') => Source::Written(rest),
        Some(path) => Source::File(Path::new(path)),
        None if text == "-" => Source::File(Path::new(text)),
        None => Source::Written(text),
    }
}

fn words(kind: ValueType, from: Source<'_>) -> Result<String> {
    match from {
        Source::Written(text) => Ok(text.to_owned()),
        Source::File(path) => String::from_utf8(read(path)?)
            .map_err(|_| wrong(kind, "the file is not UTF-8").hint("convert it first")),
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    Ok(std::mem::take(&mut *Input::open(path)?.read_all()?))
}

fn whole(text: &str, least: i64, most: i128) -> Result<i128> {
    let number =
        text.trim().parse::<i128>().ok().filter(|number| (i128::from(least)..=most).contains(number));
    number.ok_or_else(|| {
        Failure::usage(
            "plugin_argument",
            format!("`{}` is no whole number in {least} to {most}", shortened(text)),
        )
        .hint("compare the call with what `sealpost run BUNDLE` lists")
    })
}

fn number<T: FromStr>(kind: ValueType, text: &str) -> Result<T> {
    text.trim().parse().map_err(|_| {
        wrong(kind, &format!("`{}` is no number", shortened(text)))
            .hint("write it with a point, such as 0.25")
    })
}

fn wrong(kind: ValueType, why: &str) -> Failure {
    Failure::usage("plugin_argument", format!("an argument is to be {kind}: {why}"))
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, unit) = text.split_at(digits);
    (digits, unit.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read() {
        assert_eq!(
            ["64M", "64MiB", "1k", "7", "2 GB"].map(|text| size(text).unwrap()),
            [64 << 20, 64 << 20, 1 << 10, 7, 2 << 30]
        );
        assert_eq!(
            ["10s", "10", "500ms", "2m"].map(|text| time(text).unwrap().as_millis()),
            [10_000, 10_000, 500, 120_000]
        );
        for wrong in ["", "M", "-1", "1.5M", "1T", "99999999999999999999", "18446744073709551615G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "s", "-1s", "1h", "0.5s"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_keep_their_bits() {
        assert_eq!(argument(ValueType::I32, "4294967295").unwrap(), Value::I32(-1));
        assert_eq!(argument(ValueType::I64, "18446744073709551615").unwrap(), Value::I64(-1));
        assert_eq!(argument(ValueType::I64, "-9223372036854775808").unwrap(), Value::I64(i64::MIN));
        assert_eq!(argument(ValueType::F64, "-0.1").unwrap(), Value::F64(-0.1));
        for (kind, wrong) in [
            (ValueType::I32, "4294967296"),
            (ValueType::I32, "1.0"),
            (ValueType::I64, "-9223372036854775809"),
            (ValueType::F32, "x"),
            (ValueType::Bytes, "text"),
            (ValueType::Json, "{"),
        ] {
            assert_eq!(argument(kind, wrong).unwrap_err().code(), "plugin_argument", "{kind} {wrong}");
        }
    }

    #[test]
    fn two_ats_are_one() {
        assert_eq!(argument(ValueType::Text, "@@home").unwrap(), Value::Text("@home".into()));
        assert_eq!(argument(ValueType::Json, "\"@x\"").unwrap(), Value::Json("@x".into()));
        assert_eq!(argument(ValueType::Text, "@/does/not/exist").unwrap_err().code(), "file");
    }
}
