//! Sealed blobs of the ciphers that are written: as they are, and changed ones.
#![no_main]

use std::io::{Cursor, Read, Seek, SeekFrom, Write};

use base64::{Engine, prelude::BASE64_STANDARD};
use libfuzzer_sys::fuzz_target;
use sealpost_envelope::{ContentCipher, Dek, Sealer, SeekableOpener};
use sealpost_fuzz::{Counting, edited, key, open, stranger};

/// Two chunks of an age file, sealed by another program.
const AGE: &[u8] = include_bytes!("../../tests/vectors/age/65537.age");
const AGE_KEY: &str = "ce43285046f930b3baa6b7297bbc0b8958251842726b5bcb2d2e983a9680409e";

fuzz_target!(|data: &[u8]| {
    let Some((mode, rest)) = data.split_first() else { return };
    match mode % 5 {
        0 => age_as_it_is(rest),
        1 => age_changed(rest),
        2 => cbc(rest),
        3 => age_sought(rest),
        _ => gcm(rest),
    }
});

fn age_as_it_is(blob: &[u8]) {
    let (plain, end) = open(ContentCipher::Age, &Dek::from_bytes(stranger(blob)), None, blob);
    assert!(end.is_err() && plain.is_empty(), "opened for a stranger");
}

fn age_changed(script: &[u8]) {
    let dek = Dek::from_bytes(key(AGE_KEY));
    let changed = edited(AGE, script);
    let (plain, end) = open(ContentCipher::Age, &dek, None, &changed);
    let whole = age_plain();
    assert!(whole.starts_with(&plain), "bytes were handed out that nobody sealed");
    assert_eq!(end.is_ok(), changed == AGE, "a changed file opens, or an unchanged one does not");
    assert!(end.is_err() || plain == whole);
}

/// Reads wherever the last bytes of the input say, in a file changed as the others say.
fn age_sought(data: &[u8]) {
    let Some((places, script)) = data.split_last_chunk::<4>().map(|(script, places)| (places, script)) else {
        return;
    };
    let changed = edited(AGE, script);
    let Ok(mut opener) = SeekableOpener::new(&Dek::from_bytes(key(AGE_KEY)), Cursor::new(&changed)) else {
        assert_ne!(changed, AGE, "an unchanged file does not open");
        return;
    };
    let whole = age_plain();
    assert_eq!(opener.len(), whole.len() as u64, "a file of another length opens");
    for place in places.iter().map(|place| usize::from(*place) * 300) {
        opener.seek(SeekFrom::Start(place as u64)).unwrap();
        let mut plain = vec![0; 1000];
        match opener.read(&mut plain) {
            Ok(read) => assert!(whole.get(place..).unwrap_or_default().starts_with(&plain[..read])),
            Err(_) => assert_ne!(changed, AGE, "an unchanged file does not read"),
        }
    }
}

/// Nothing is authenticated here, but every well-padded blob is what its plaintext seals to.
fn cbc(data: &[u8]) {
    let dek = Dek::from_bytes([7; 32]);
    // The IV that the sealer draws.
    let iv = std::array::from_fn(|at| at as u8 + 1);
    let (plain, end) = open(ContentCipher::Aes256Cbc, &dek, Some(iv), data);
    assert!(plain.len() <= data.len());
    if end.is_ok() {
        assert_eq!(sealed(ContentCipher::Aes256Cbc, &dek, &plain), data);
    }
    let (again, end) =
        open(ContentCipher::Aes256Cbc, &dek, Some(iv), &sealed(ContentCipher::Aes256Cbc, &dek, data));
    assert!(end.is_ok() && again == data);
}

fn gcm(data: &[u8]) {
    let (plain, end) = open(ContentCipher::Aes256Gcm, &Dek::from_bytes(stranger(data)), None, data);
    assert!(end.is_err() && plain.is_empty(), "opened for a stranger");

    let dek = Dek::from_bytes([7; 32]);
    let plain = &data[..data.len().min(64)];
    let blob = sealed(ContentCipher::Aes256Gcm, &dek, plain);
    let text = BASE64_STANDARD.encode(&blob);
    for blob in [&blob, text.as_bytes()] {
        let changed = edited(blob, data);
        let (opened, end) = open(ContentCipher::Aes256Gcm, &dek, None, &changed);
        assert!(end.is_ok() || changed != blob, "an unchanged blob does not open");
        assert!(end.is_err() || opened == plain, "a changed blob opens");
        assert!(end.is_ok() || opened.is_empty(), "plaintext of a refused blob was handed out");
    }
}

fn age_plain() -> Vec<u8> {
    b"G1 X12.5 Y7.25 E0.031 F1800\n".iter().copied().cycle().take(65_537).collect()
}

fn sealed(cipher: ContentCipher, dek: &Dek, plain: &[u8]) -> Vec<u8> {
    let mut sealer = Sealer::new(cipher, dek, &mut Counting::default(), Vec::new()).unwrap();
    sealer.write_all(plain).unwrap();
    sealer.finish().unwrap()
}
