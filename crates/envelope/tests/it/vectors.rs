//! Files, packages and statements made by other programs are read as they were meant.

use std::io::Write;

use crate::common::{Repeat, bytes, open, plain, text, vector_bytes, vectors};
use base64::{Engine, prelude::BASE64_STANDARD};
use sealpost_envelope::{
    ContentCipher, ContentError, Dek, Digest, Expected, JobManifest, KeySet, KeyUse, NaclBoxError,
    PrinterPublic, PrinterSecret, SealedMessage, Sealer, SigningKey,
    challenge::{Challenge, TokenGrant},
    digest, ecdh, keyset, nacl_box, pairing, x25519,
};
use serde_json::{Value, from_value};

#[test]
fn packages_of_pynacl_open() {
    let vectors = vectors("nacl-box.json");
    for case in vectors["good"].as_array().unwrap() {
        let secret = PrinterSecret::from_bytes(bytes(case, "printer_secret"));
        assert_eq!(secret.public().to_string(), text(case, "printer_public"));
        assert_eq!(secret.public().key_id(), text(case, "key_id"));
        let dek = nacl_box::unwrap(text(case, "package"), &secret).unwrap();
        assert_eq!(dek.expose(), &bytes::<32>(case, "dek"));
    }
}

#[test]
fn keys_of_another_length_than_32_bytes_are_refused() {
    let vectors = vectors("nacl-box.json");
    for case in vectors["wrong_key_length"].as_array().unwrap() {
        let secret = PrinterSecret::from_bytes(bytes(case, "printer_secret"));
        assert_eq!(nacl_box::unwrap(text(case, "package"), &secret), Err(NaclBoxError::Format));
    }
}

#[test]
fn cbc_of_openssl_is_written_and_read() {
    for case in vectors("aes-256-cbc.json").as_array().unwrap() {
        let dek = Dek::from_bytes(bytes(case, "dek"));
        let iv: [u8; 16] = bytes(case, "iv");
        let plain = plain(case["plain_size"].as_u64().unwrap() as usize);
        assert_eq!(digest::sha256_hex(&plain), text(case, "plain_sha256"));

        let mut sealer =
            Sealer::new(ContentCipher::Aes256Cbc, &dek, &mut Repeat(iv.to_vec()), Vec::new()).unwrap();
        sealer.write_all(&plain).unwrap();
        let blob = sealer.finish().unwrap();

        match case.get("blob") {
            Some(expected) => assert_eq!(BASE64_STANDARD.encode(&blob), expected.as_str().unwrap()),
            None => assert_eq!(digest::sha256_hex(&blob), text(case, "blob_sha256")),
        }
        assert_eq!(open(ContentCipher::Aes256Cbc, &dek, Some(iv), &blob).unwrap(), plain);
    }
}

#[test]
fn gcm_of_another_library_is_written_and_read() {
    for case in vectors("aes-256-gcm.json").as_array().unwrap() {
        let dek = Dek::from_bytes(bytes(case, "dek"));
        let plain = BASE64_STANDARD.decode(text(case, "plain")).unwrap();
        let blob = BASE64_STANDARD.decode(text(case, "blob")).unwrap();
        assert_eq!(open(ContentCipher::Aes256Gcm, &dek, None, &blob).unwrap(), plain);
        assert_eq!(open(ContentCipher::Aes256Gcm, &dek, None, text(case, "blob").as_bytes()).unwrap(), plain);

        let mut sealer =
            Sealer::new(ContentCipher::Aes256Gcm, &dek, &mut Repeat(blob[..12].to_vec()), Vec::new())
                .unwrap();
        sealer.write_all(&plain).unwrap();
        assert_eq!(sealer.finish().unwrap(), blob);
    }
}

#[test]
fn fernet_tokens_open_and_changed_ones_do_not() {
    for case in vectors("fernet.json").as_array().unwrap() {
        let dek = Dek::from_bytes(bytes(case, "dek"));
        let plain = BASE64_STANDARD.decode(text(case, "plain")).unwrap();
        let mut token = text(case, "token").as_bytes().to_vec();
        assert_eq!(open(ContentCipher::Fernet, &dek, None, &token).unwrap(), plain);

        let middle = token.len() / 2;
        token[middle] = if token[middle] == b'A' { b'B' } else { b'A' };
        assert!(open(ContentCipher::Fernet, &dek, None, &token).is_err());
    }
}

#[test]
fn files_of_the_age_tool_open() {
    let vectors = vectors("age.json");
    let dek = Dek::from_bytes(bytes(&vectors, "dek"));
    for case in vectors["good"].as_array().unwrap() {
        let opened = open(ContentCipher::Age, &dek, None, &vector_bytes(text(case, "file"))).unwrap();
        assert_eq!(opened.len() as u64, case["plain_size"].as_u64().unwrap());
        assert_eq!(digest::sha256_hex(&opened), text(case, "plain_sha256"));
    }
}

#[test]
fn age_files_for_others_too_or_in_armor_are_refused() {
    let vectors = vectors("age.json");
    let dek = Dek::from_bytes(bytes(&vectors, "dek"));
    for file in vectors["refused"].as_array().unwrap() {
        let refused =
            open(ContentCipher::Age, &dek, None, &vector_bytes(file.as_str().unwrap())).unwrap_err();
        assert!(matches!(refused, ContentError::Format { .. }), "{file}: {refused:?}");
    }
}

#[test]
fn statements_made_elsewhere_verify_and_ours_are_the_same_bytes() {
    let vectors = vectors("statements.json");
    let root = keyset::public_key_from_hex(text(&vectors, "root_public")).unwrap();
    let keys = KeySet::verify(text(&vectors, "key_set"), &root, Some(6)).unwrap();
    assert_eq!(keys.version, 7);
    assert_eq!(keys.with_use(KeyUse::Jobs).count(), 1);
    let root_key = SigningKey::from_bytes(&bytes(&vectors, "root_seed"));
    assert_eq!(keys.sign(&root_key).unwrap(), text(&vectors, "key_set"));

    let claims = &vectors["manifest_claims"];
    let expected = Expected {
        iss: "https://store.example",
        printer: "prn_7",
        job: "job_42",
        nonce: text(claims, "nonce"),
    };
    let manifest = JobManifest::verify(text(&vectors, "manifest"), &keys, expected, 1_790_000_200).unwrap();
    manifest.check_package(text(&vectors, "package")).unwrap();
    manifest.check_plain(&Digest::of(&plain(28))).unwrap();
    let jobs_key = SigningKey::from_bytes(&bytes(&vectors, "jobs_seed"));
    assert_eq!(manifest.sign(&jobs_key).unwrap(), text(&vectors, "manifest"));
}

#[test]
fn device_messages_made_elsewhere_are_read() {
    let vectors = vectors("device-messages.json");
    let secret = PrinterSecret::from_bytes(bytes(&vectors, "printer_secret"));
    let [origin, printer, session] = ["origin", "printer", "session"].map(|field| text(&vectors, field));

    let challenge = Challenge::open(&message(&vectors, "challenge"), &secret, origin, printer).unwrap();
    assert_eq!(challenge.expose_nonce(), &bytes::<32>(&vectors, "challenge_nonce"));
    assert_eq!(challenge.answer().unwrap(), text(&vectors, "answer"));

    let token = TokenGrant::open(&message(&vectors, "token_grant"), &secret, &challenge).unwrap();
    assert_eq!(token.token.expose(), text(&vectors, "token"));
    assert_eq!(token.expires_at, vectors["expires_at"].as_u64().unwrap());

    let grant = pairing::Grant::open(&message(&vectors, "pairing_grant"), &secret, origin, session).unwrap();
    assert_eq!(grant.token.expose(), text(&vectors, "pairing_token"));
    assert_eq!(hex::encode(grant.store_root_key.as_bytes()), text(&vectors, "root_public"));

    let public: PrinterPublic = text(&vectors, "printer_public").parse().unwrap();
    assert_eq!(pairing::short_code(&public, &grant.store_root_key, session), text(&vectors, "short_code"));
}

#[test]
fn ecdh_envelopes_made_elsewhere_open() {
    for case in vectors("ecdh-x25519.json").as_array().unwrap() {
        let secret = x25519::Secret::from_bytes(bytes(case, "recipient_secret"));
        let envelope: ecdh::Envelope = from_value(case["envelope"].clone()).unwrap();
        let dek = ecdh::unwrap(&envelope, &secret, text(case, "plugin_id")).unwrap();
        assert_eq!(dek.expose(), &bytes::<32>(case, "dek"));
        assert_eq!(serde_json::to_value(&envelope).unwrap(), case["envelope"]);
    }
}

fn message(vectors: &Value, field: &str) -> SealedMessage {
    from_value(vectors[field].clone()).unwrap()
}
