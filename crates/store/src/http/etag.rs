//! `If-None-Match` of RFC 9110, section 13.1.2.

use http::{HeaderMap, HeaderValue, header};

/// Whether the client has what `etag` names: it sent the tag, weak or not, alone or among others, or `*`.
pub(crate) fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let ours = etag.as_bytes();
    headers.get_all(header::IF_NONE_MATCH).iter().any(|known| {
        known
            .as_bytes()
            .split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii)
            .any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == ours)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(tags: &'static str) -> bool {
        let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(tags))]);
        is_known(&headers, &HeaderValue::from_static("\"a\""))
    }

    #[test]
    fn a_tag_is_known_alone_weakly_in_a_list_and_by_star() {
        for tags in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "\"b\",W/\"a\"", "*"] {
            assert!(known(tags), "{tags}");
        }
    }

    #[test]
    fn another_tag_is_not_known() {
        for tags in ["", "\"b\"", "a", "W/\"b\"", "\"aa\"", "\"*\""] {
            assert!(!known(tags), "{tags}");
        }
    }
}
