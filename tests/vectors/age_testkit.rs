//! The age test kit of C2SP, through our reader of `age` files, which wants a binary file for one X25519 key and refuses
//! the other kinds of age files that others may open. Files for a passphrase also go through the reader of keystores.

use std::io::{Cursor, Read};
use std::path::PathBuf;

use sealpost_envelope::{ContentCipher, ContentError, Dek, ErrorCode, Opener, SeekableOpener, digest};
use sealpost_wallet::{WorkFactor, keystore};

/// What is to come of a file of the kit here.
#[derive(Clone, Copy)]
enum Here {
    /// Opens, as everywhere.
    Opens,
    /// Age files that are armored, for a passphrase, post-quantum or for more than one key.
    OfAnotherKind,
    /// Refused, as everywhere.
    Refused,
}

macro_rules! test_kit {
    ($($name:ident: $here:ident,)*) => {
        const LISTED: &[&str] = &[$(stringify!($name)),*];

        $(#[test]
        fn $name() {
            check(&Case::read(stringify!($name)), Here::$here);
        })*
    };
}

#[test]
fn every_file_of_the_kit_is_listed() {
    let mut files: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, LISTED);
    assert_eq!(files.len(), 143);
}

test_kit! {
    armor_crlf: OfAnotherKind,
    armor_empty: Refused,
    armor_empty_last_line: Refused,
    armor_empty_line_begin: Refused,
    armor_empty_line_end: Refused,
    armor_eol_between_padding: Refused,
    armor_full_last_line: OfAnotherKind,
    armor_garbage_encoded: Refused,
    armor_garbage_leading: Refused,
    armor_garbage_trailing: Refused,
    armor_header_crlf: Refused,
    armor_headers: Refused,
    armor_hybrid: OfAnotherKind,
    armor_invalid_character_header: Refused,
    armor_invalid_character_payload: Refused,
    armor_long_line: Refused,
    armor_lowercase: Refused,
    armor_no_end_line: Refused,
    armor_no_eol: OfAnotherKind,
    armor_no_match: Refused,
    armor_no_padding: Refused,
    armor_not_canonical: Refused,
    armor_pgp_checksum: Refused,
    armor_scrypt: OfAnotherKind,
    armor_short_line: Refused,
    armor_whitespace_begin: Refused,
    armor_whitespace_end: Refused,
    armor_whitespace_eol: Refused,
    armor_whitespace_last_line: Refused,
    armor_whitespace_line_start: Refused,
    armor_whitespace_outside: OfAnotherKind,
    armor_wrong_type: Refused,
    armor_x25519: OfAnotherKind,
    empty: Refused,
    header_crlf: Refused,
    hmac_bad: Refused,
    hmac_extra_space: Refused,
    hmac_garbage: Refused,
    hmac_missing: Refused,
    hmac_no_space: Refused,
    hmac_not_canonical: Refused,
    hmac_trailing_space: Refused,
    hmac_truncated: Refused,
    hybrid: OfAnotherKind,
    hybrid_and_x25519: OfAnotherKind,
    hybrid_bad_tag: Refused,
    hybrid_currupted_enc_mlkem: Refused,
    hybrid_currupted_enc_x25519: Refused,
    hybrid_extra_argument: Refused,
    hybrid_grease: OfAnotherKind,
    hybrid_identity: Refused,
    hybrid_long_file_key: Refused,
    hybrid_long_share: Refused,
    hybrid_low_order: Refused,
    hybrid_multiple_recipients: OfAnotherKind,
    hybrid_no_match: Refused,
    hybrid_not_canonical_body: Refused,
    hybrid_not_canonical_enc: Refused,
    hybrid_short_share: Refused,
    hybrid_uppercase: Refused,
    hybrid_x25519_arg: Refused,
    scrypt: OfAnotherKind,
    scrypt_and_x25519: Refused,
    scrypt_bad_tag: Refused,
    scrypt_double: Refused,
    scrypt_extra_argument: Refused,
    scrypt_long_file_key: Refused,
    scrypt_no_match: Refused,
    scrypt_not_canonical_body: Refused,
    scrypt_not_canonical_salt: Refused,
    scrypt_salt_long: Refused,
    scrypt_salt_missing: Refused,
    scrypt_salt_short: Refused,
    scrypt_uppercase: Refused,
    scrypt_work_factor_23: Refused,
    scrypt_work_factor_hex: Refused,
    scrypt_work_factor_leading_garbage: Refused,
    scrypt_work_factor_leading_plus: Refused,
    scrypt_work_factor_leading_zero_decimal: Refused,
    scrypt_work_factor_leading_zero_octal: Refused,
    scrypt_work_factor_missing: Refused,
    scrypt_work_factor_negative: Refused,
    scrypt_work_factor_overflow: Refused,
    scrypt_work_factor_trailing_garbage: Refused,
    scrypt_work_factor_wrong: Refused,
    scrypt_work_factor_zero: Refused,
    stanza_bad_start: Refused,
    stanza_base64_padding: Refused,
    stanza_empty_argument: Refused,
    stanza_empty_body: OfAnotherKind,
    stanza_empty_last_line: OfAnotherKind,
    stanza_invalid_character: Refused,
    stanza_long_line: Refused,
    stanza_missing_body: Refused,
    stanza_missing_final_line: Refused,
    stanza_multiple_short_lines: Refused,
    stanza_no_arguments: Refused,
    stanza_not_canonical: Refused,
    stanza_spurious_cr: Refused,
    stanza_valid_characters: OfAnotherKind,
    stream_257_chunks: Opens,
    stream_257_chunks_full: Opens,
    stream_258_chunks: Opens,
    stream_bad_tag: Refused,
    stream_bad_tag_second_chunk: Refused,
    stream_bad_tag_second_chunk_full: Refused,
    stream_empty_payload: Opens,
    stream_last_chunk_empty: Refused,
    stream_last_chunk_full: Opens,
    stream_last_chunk_full_second: Opens,
    stream_missing_tag: Refused,
    stream_no_chunks: Refused,
    stream_no_final: Refused,
    stream_no_final_full: Refused,
    stream_no_final_two_chunks: Refused,
    stream_no_final_two_chunks_full: Refused,
    stream_no_nonce: Refused,
    stream_short_chunk: Refused,
    stream_short_nonce: Refused,
    stream_short_second_chunk: Refused,
    stream_three_chunks: Opens,
    stream_trailing_garbage_long: Refused,
    stream_trailing_garbage_short: Refused,
    stream_two_chunks: Opens,
    stream_two_final_chunks: Refused,
    stream_two_final_chunks_full: Refused,
    stream_two_final_chunks_second: Refused,
    stream_two_final_chunks_short: Refused,
    version_unsupported: Refused,
    x25519: Opens,
    x25519_bad_tag: Refused,
    x25519_extra_argument: Refused,
    x25519_grease: Opens,
    x25519_identity: Refused,
    x25519_long_file_key: Refused,
    x25519_long_share: Refused,
    x25519_low_order: Refused,
    x25519_lowercase: Refused,
    x25519_multiple_recipients: OfAnotherKind,
    x25519_no_match: Refused,
    x25519_not_canonical_body: Refused,
    x25519_not_canonical_share: Refused,
    x25519_short_share: Refused,
}

fn check(case: &Case, here: Here) {
    let mut plain = Vec::new();
    let opened = case.open(&mut plain);
    let sought = case.open_seekable();
    for passphrase in &case.passphrases {
        // No file of the kit holds a wallet: who can tell that has opened it.
        let refused = keystore::open(&case.file, passphrase, WorkFactor::MAX).unwrap_err().code();
        assert_eq!(refused == "keystore_content", case.expect == "success", "{refused}");
    }
    match here {
        Here::Opens => {
            assert_eq!(case.expect, "success");
            opened.unwrap();
            assert_eq!(digest::sha256_hex(&plain), case.payload.as_deref().unwrap());
            assert!(sought.unwrap() == plain);
        }
        Here::OfAnotherKind => {
            assert_eq!(case.expect, "success");
            assert_eq!(opened.unwrap_err().code(), "blob_format");
            assert_eq!(sought.unwrap_err().code(), "blob_format");
            assert!(plain.is_empty());
        }
        Here::Refused => {
            let refused = opened.unwrap_err();
            assert!(["blob_corrupt", "blob_format"].contains(&refused.code()), "{refused:?}");
            assert!(sought.is_err());
            assert_ne!(case.expect, "success");
            if case.expect == "payload failure" && !case.armored {
                assert_eq!(digest::sha256_hex(&plain), case.payload.as_deref().unwrap());
            } else {
                assert!(plain.is_empty());
            }
        }
    }
}

/// A file of the kit: `key: value` lines, an empty line, the age file.
struct Case {
    expect: String,
    armored: bool,
    /// SHA-256 of what is to be handed out, of a damaged file before the damage.
    payload: Option<String>,
    passphrases: Vec<String>,
    /// Of the one identity, if it is an X25519 one; for others any key does, as the file is to be refused.
    dek: Dek,
    file: Vec<u8>,
}

impl Case {
    fn read(name: &str) -> Self {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        let head_end = bytes.windows(2).position(|two| two == b"\n\n").unwrap();
        let head = std::str::from_utf8(&bytes[..head_end]).unwrap();
        let fields = |name: &'static str| {
            head.lines()
                .filter_map(move |line| line.strip_prefix(name)?.strip_prefix(": "))
                .map(str::to_owned)
        };
        let field = |name| fields(name).next();
        let file = &bytes[head_end + 2..];
        Self {
            expect: field("expect").unwrap(),
            armored: field("armored").is_some(),
            payload: field("payload"),
            passphrases: fields("passphrase").collect(),
            dek: field("identity").and_then(|text| content_key(&text)).unwrap_or(Dek::from_bytes([1; 32])),
            file: match field("compressed").as_deref() {
                None => file.to_vec(),
                Some("zlib") => miniz_oxide::inflate::decompress_to_vec_zlib(file).unwrap(),
                Some(other) => panic!("compressed with {other}"),
            },
        }
    }

    fn open(&self, plain: &mut Vec<u8>) -> Result<(), ContentError> {
        Opener::new(ContentCipher::Age, &self.dek, None, self.file.as_slice())?.read_to_end(plain)?;
        Ok(())
    }

    fn open_seekable(&self) -> Result<Vec<u8>, ContentError> {
        let mut opener = SeekableOpener::new(&self.dek, Cursor::new(&self.file))?;
        let mut plain = Vec::new();
        opener.read_to_end(&mut plain)?;
        assert_eq!(opener.len(), plain.len() as u64);
        Ok(plain)
    }
}

fn content_key(identity: &str) -> Option<Dek> {
    let (prefix, key) = bech32::decode(identity).ok()?;
    (prefix.as_str() == "AGE-SECRET-KEY-").then(|| Dek::try_from(key.as_slice()).ok())?
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/age-testkit")
}
