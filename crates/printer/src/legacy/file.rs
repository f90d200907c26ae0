//! What a file on the printer's own disk is, told by how it begins. For jobs nothing is ever guessed.

use sealpost_api::Problem;
use sealpost_envelope::ContentCipher;
use sealpost_gcode::{Scanner, stub_job};

/// How much of a file has to be seen: an entry of a purchased file with its pictures is shorter.
pub(crate) const HEAD: usize = 1 << 20;

const AGE: &[u8] = b"age-encryption.org/v1\n";
/// Base64 of the version, 0x80, and of the highest bytes of a time that is not thousands of years away.
const FERNET: &[u8] = b"gAAAA";

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// G-code as it is, as far as can be seen.
    Plain,
    /// Sealed.
    Sealed(ContentCipher),
    /// Only the entry of a purchased file in the file list.
    Stub,
}

/// What `head` begins: the first [`HEAD`] bytes, or the whole of a shorter file.
pub(crate) fn kind_of(head: &[u8]) -> Result<Kind, Problem> {
    if head.starts_with(AGE) {
        return Ok(Kind::Sealed(ContentCipher::Age));
    }
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_=".contains(byte);
    if head.starts_with(FERNET) && head.trim_ascii_end().iter().all(is_base64) {
        return Ok(Kind::Sealed(ContentCipher::Fernet));
    }
    if head.len() < HEAD && stub_job(head).is_some() {
        return Ok(Kind::Stub);
    }
    let mut scanner = Scanner::new(None);
    scanner.update(head);
    match scanner.finish().refusal {
        // A picture, an archive, another kind of sealed file: what they are is told by their first bytes.
        Some(refusal) if refusal.code().starts_with("gcode_is_") => {
            Err(Problem::new(422, refusal.code(), "The file is no G-code")
                .detail(refusal.to_string())
                .hint(refusal.hint()))
        }
        _ => Ok(Kind::Plain),
    }
}

/// A name below the printer's `gcodes` folder. What could mean something to a G-code line is refused.
pub(crate) fn check_name(name: &str) -> Result<(), Problem> {
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    let harmless = !name.contains(|c: char| c.is_control() || matches!(c, '"' | '\\' | ';' | '#' | '*'));
    if (1..=255).contains(&name.len()) && harmless && name.split('/').all(plain) {
        return Ok(());
    }
    Err(Problem::new(400, "bad_file_name", "This is no name of a file below `gcodes`")
        .hint("Name it as the file list shows it, such as `parts/ring.gcode`; rename it if it holds quotation marks, semicolons or the like."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sealpost_gcode::stub;

    use super::*;

    #[test]
    fn each_kind_is_told_by_its_beginning() {
        let stub = stub(&Scanner::new(None).finish(), "j_1", "Ring").unwrap();
        let fernet = format!("gAAAAABk{}==\n", "a-_9".repeat(2000));
        for (head, kind) in [
            (b"; sliced\nG28\nG1 X1\n".as_slice(), Kind::Plain),
            (b"", Kind::Plain),
            (b"gAAAA is no token\nG28\n", Kind::Plain),
            (b"SEALPOST_JOB JOB=j_1\nG28\n", Kind::Plain),
            (b"age-encryption.org/v1\n-> X25519 abc\n", Kind::Sealed(ContentCipher::Age)),
            (fernet.as_bytes(), Kind::Sealed(ContentCipher::Fernet)),
            (stub.as_bytes(), Kind::Stub),
        ] {
            assert_eq!(
                kind_of(head).unwrap(),
                kind,
                "{}",
                String::from_utf8_lossy(&head[..head.len().min(40)])
            );
        }
    }

    #[test]
    fn what_is_no_gcode_at_all_is_refused_by_its_name() {
        for (head, code) in [
            (b"\xff\xd8\xff\xe0\0\x10JFIF".as_slice(), "gcode_is_jpeg"),
            (b"-----BEGIN AGE ENCRYPTED FILE-----\n", "gcode_is_encrypted"),
            (b"\x1f\x8b\x08\0", "gcode_is_gzip"),
        ] {
            assert_eq!(kind_of(head).unwrap_err().code, code);
        }
    }

    #[test]
    fn names_stay_below_the_folder_and_mean_nothing_to_a_line() {
        for good in ["a.gcode", "parts/ring v2 (1).gcode", "\u{e9}t\u{e9}.gcode", "a..b"] {
            check_name(good).unwrap();
        }
        for bad in [
            "",
            "/etc/passwd",
            "../state.json",
            "a/../../b",
            "a//b",
            "./a",
            "a\nM112",
            "a\" M112",
            "a;b",
            "a\0",
        ] {
            assert_eq!(check_name(bad).unwrap_err().code, "bad_file_name", "{bad:?}");
        }
        assert!(check_name(&"a".repeat(256)).is_err());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(head: Vec<u8>, name in "\\PC{0,80}") {
            let _ = kind_of(&head);
            if check_name(&name).is_ok() {
                prop_assert!(!name.starts_with('/') && !name.split('/').any(|part| part == ".."));
            }
        }
    }
}
