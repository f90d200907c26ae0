//! One byte range of RFC 9110, section 14; several at once are answered with everything.

use std::ops::Range;

use http::{HeaderMap, HeaderValue, header};

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    All,
    Part(Range<u64>),
    /// None of the bytes asked for are there.
    Nothing,
}

/// Reads `Range` and `If-Range` for a file of `size` bytes.
pub(crate) fn wanted(headers: &HeaderMap, etag: &HeaderValue, size: u64) -> Wanted {
    let Some(range) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else {
        return Wanted::All;
    };
    if headers.get(header::IF_RANGE).is_some_and(|known| known != etag) {
        return Wanted::All;
    }
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::All;
    };
    let (first, last) = (first.trim(), last.trim());
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(count)) if first.is_empty() => size.saturating_sub(count)..size,
        _ => return Wanted::All,
    };
    if range.start >= range.end { Wanted::Nothing } else { Wanted::Part(range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(range: &str) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range).unwrap());
        wanted(&headers, &HeaderValue::from_static("\"a\""), 100)
    }

    #[test]
    fn the_three_forms_of_a_range_are_understood() {
        assert_eq!(ask("bytes=0-9"), Wanted::Part(0..10));
        assert_eq!(ask("bytes=90-"), Wanted::Part(90..100));
        assert_eq!(ask("bytes=-5"), Wanted::Part(95..100));
        assert_eq!(ask("bytes=90-1000"), Wanted::Part(90..100));
    }

    #[test]
    fn bytes_that_are_not_there_are_refused() {
        assert_eq!(ask("bytes=100-"), Wanted::Nothing);
        assert_eq!(ask("bytes=-0"), Wanted::Nothing);
    }

    #[test]
    fn what_is_no_single_range_gets_everything() {
        for range in ["bytes=0-1,5-6", "lines=1-2", "bytes=9-1", "bytes=x-"] {
            assert_eq!(ask(range), Wanted::All, "{range}");
        }
    }

    #[test]
    fn a_range_of_another_blob_gets_everything() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=1-2"));
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"b\""));
        assert_eq!(wanted(&headers, &HeaderValue::from_static("\"a\""), 100), Wanted::All);
    }
}
