//! The Fernet specification's vectors. Tokens seal files here and never expire, so of the invalid ones those that are
//! only too old or too new open.

use base64::{Engine, prelude::BASE64_URL_SAFE};
use sealpost_envelope::{ContentCipher, ContentError, Dek, ErrorCode};
use serde::Deserialize;

use crate::common::{Tally, file, open};

const ABOUT_TIME: [&str; 2] = ["far-future TS (unacceptable clock skew)", "expired TTL"];

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    desc: String,
    secret: String,
    src: Option<String>,
    token: String,
}

#[test]
fn tokens_of_the_specification_open() {
    for name in ["generate", "verify"] {
        let cases = cases(name);
        assert_eq!(cases.len(), 1, "{name}");
        for case in &cases {
            assert_eq!(open_token(case).unwrap(), case.src.as_ref().unwrap().as_bytes(), "{name}");
        }
    }
}

#[test]
fn damaged_tokens_are_refused_and_old_ones_are_not() {
    let mut tally = Tally::default();
    for case in cases("invalid") {
        let opened = open_token(&case);
        if ABOUT_TIME.contains(&case.desc.as_str()) {
            assert_eq!(opened.unwrap(), b"", "{}", case.desc);
            tally.accepted += 1;
        } else {
            let code = opened.unwrap_err().code();
            assert!(["blob_corrupt", "blob_format"].contains(&code), "{}: {code}", case.desc);
            tally.refused += 1;
        }
    }
    assert_eq!(tally, Tally { accepted: ABOUT_TIME.len(), refused: 6 });
}

fn cases(name: &str) -> Vec<Case> {
    serde_json::from_slice(&file(&format!("fernet/{name}.json"))).unwrap()
}

fn open_token(case: &Case) -> Result<Vec<u8>, ContentError> {
    let secret = BASE64_URL_SAFE.decode(&case.secret).unwrap();
    open(ContentCipher::Fernet, &Dek::try_from(secret.as_slice()).unwrap(), None, case.token.as_bytes())
}
