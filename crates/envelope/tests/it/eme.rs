//! `$EME` records: those of the standard's own JavaScript byte for byte, and whatever else may arrive.

use proptest::{prelude::*, sample::Index};
use sealpost_envelope::{
    ErrorCode,
    ecdh::{self, Curve, Envelope, SecretKey},
    eme::{self, EmeError, Record},
};
use serde_json::{Value, from_value};

use crate::common::{text, vectors};

#[test]
fn records_are_written_byte_for_byte_as_the_standards_javascript_does() {
    for case in records() {
        let Record { envelope, plugin_id } = record(&case);
        let written = eme::to_bytes(&envelope, plugin_id.as_deref()).unwrap();
        assert_eq!(hex::encode(written), text(&case, "size_prefixed"), "{}", text(&case, "curve"));
    }
}

#[test]
fn records_are_read_with_and_without_size_prefix() {
    for case in records() {
        for framing in ["size_prefixed", "bare"] {
            assert_eq!(eme::from_bytes(&bytes(&case, framing)).unwrap(), record(&case), "{framing}");
            assert_eq!(eme::from_any(&bytes(&case, framing)).unwrap(), [record(&case)], "{framing}");
        }
        let prefix_cut_off = &bytes(&case, "size_prefixed")[4..];
        assert_eq!(eme::from_bytes(prefix_cut_off).unwrap(), record(&case));
    }
}

#[test]
fn content_keys_wrapped_in_node_open() {
    let mut opened = 0;
    for case in records().iter().filter(|case| case.get("secret").is_some()) {
        let Record { envelope, plugin_id } = eme::from_bytes(&bytes(case, "size_prefixed")).unwrap();
        let secret = SecretKey::from_bytes(envelope.curve, &bytes(case, "secret")).unwrap();
        let dek = ecdh::unwrap(&envelope, &secret, plugin_id.as_deref().unwrap_or_default()).unwrap();
        assert_eq!(hex::encode(dek.expose()), text(case, "dek"), "{}", text(case, "curve"));
        opened += 1;
    }
    assert_eq!(opened, 4);
}

#[test]
fn what_other_writers_may_do_is_read_as_it_was_meant() {
    let vectors = vectors("eme.json");
    for layout in ["variants", "later"] {
        let expected = &records_by_curve(text(&vectors[layout], "of")).envelope;
        for case in vectors[layout]["cases"].as_array().unwrap() {
            let read = eme::from_bytes(&bytes(case, "bytes")).unwrap();
            assert_eq!(read.envelope, *expected, "{case}");
            assert_eq!(read.plugin_id.as_deref(), case["plugin_id"].as_str(), "{case}");
        }
    }
}

#[test]
fn each_unusable_record_is_refused_for_its_reason() {
    let vectors = vectors("eme.json");
    let later = vectors["later"]["bad"].as_array().unwrap();
    for case in vectors["bad"].as_array().unwrap().iter().chain(later) {
        let refused = eme::from_bytes(&bytes(case, "bytes")).unwrap_err();
        assert_eq!(refused.code(), text(case, "code"), "{}", text(case, "name"));
        assert!(!refused.hint().is_empty());
    }
}

#[test]
fn streams_and_collections_of_the_standards_javascript_are_written_and_read() {
    let vectors = vectors("eme.json");
    let records: Vec<_> = records().iter().map(record).collect();

    let stream = bytes(&vectors, "stream");
    assert_eq!(eme::to_stream(&records).unwrap(), stream);
    assert_eq!(eme::from_stream(&stream).unwrap(), records);
    assert_eq!(eme::from_any(&stream).unwrap(), records);

    let collection = &vectors["collection"];
    assert_eq!(hex::encode(eme::to_collection(&records).unwrap()), text(collection, "size_prefixed"));
    for framing in ["size_prefixed", "bare"] {
        assert_eq!(eme::from_collection(&bytes(collection, framing)).unwrap(), records);
        assert_eq!(eme::from_any(&bytes(collection, framing)).unwrap(), records);
    }
    assert_eq!(eme::from_any(&bytes(collection, "empty")).unwrap(), []);
    let later = eme::from_collection(&bytes(collection, "later")).unwrap();
    assert_eq!(later, [records_by_curve("x25519"), records_by_curve("x25519")]);
}

#[test]
fn an_error_names_the_record() {
    let vectors = vectors("eme.json");
    let good = bytes(&vectors["records"][0], "size_prefixed");
    let case =
        vectors["bad"].as_array().unwrap().iter().find(|case| text(case, "name") == "59 bytes").unwrap();
    let expected =
        EmeError::Record { index: 2, source: Box::new(EmeError::Field { name: "ENCRYPTED_BLOB" }) };

    let stream = [&good[..], &good, &bytes(case, "bytes")].concat();
    assert_eq!(eme::from_stream(&stream), Err(expected.clone()));
    assert_eq!(eme::from_any(&stream), Err(expected.clone()));
    assert_eq!(expected.to_string(), "record 2: the EME record has no usable ENCRYPTED_BLOB");
    assert_eq!(expected.code(), "eme_field");

    let cut = eme::from_stream(&[&good[..], &good[..100]].concat()).unwrap_err();
    assert_eq!(cut, EmeError::Record { index: 1, source: Box::new(EmeError::Truncated) });
}

#[test]
fn a_record_in_a_collection_is_named_in_its_error() {
    let records: Vec<_> = records().iter().map(record).collect();
    let mut collection = eme::to_collection(&records).unwrap();
    // Tables stand in the order they were written, from the end: the last record's suite is the first text of its kind.
    let at = collection.windows(12).position(|window| window == b"ECDH-Ed25519").unwrap();
    collection[at + 5] = b'e';
    let expected = EmeError::Record { index: 4, source: Box::new(EmeError::Suite) };
    assert_eq!(eme::from_collection(&collection), Err(expected.clone()));
    assert_eq!(eme::from_any(&collection), Err(expected));
}

#[test]
fn bytes_behind_a_record_and_other_formats_are_refused() {
    let good = eme::to_bytes(&records_by_curve("p256").envelope, None).unwrap();
    assert_eq!(eme::from_bytes(&[&good[..], &[0]].concat()), Err(EmeError::NotEme));
    assert_eq!(eme::from_bytes(&good[..good.len() - 1]), Err(EmeError::NotEme));
    let mut other = good;
    other[8..12].copy_from_slice(b"$PLK");
    for bytes in [&other[..], b"", b"{}", b"\0\0\0\0", &[0xff; 40]] {
        assert_eq!(eme::from_bytes(bytes), Err(EmeError::NotEme));
        assert!(bytes.is_empty() || eme::from_any(bytes) == Err(EmeError::NotEme));
        assert!(eme::from_collection(bytes).is_err());
    }
    assert_eq!(eme::from_any(b"").unwrap(), []);
}

#[test]
fn sizes_and_counts_are_bounded() {
    let Record { envelope, .. } = records_by_curve("p256");
    let long = "x".repeat(4096);
    let too_large = EmeError::TooLarge { limit: eme::RECORD_BYTES };
    assert_eq!(eme::to_bytes(&envelope, Some(&long)), Err(too_large.clone()));
    let salted = Envelope { salt: vec![0; 4096], ..envelope.clone() };
    assert_eq!(eme::to_bytes(&salted, None), Err(too_large.clone()));
    assert_eq!(eme::from_bytes(&vec![0; eme::RECORD_BYTES + 1]), Err(too_large));

    let worst = "\u{1}".repeat(2048);
    let written = eme::to_bytes(&envelope, Some(&worst)).unwrap();
    assert_eq!(eme::from_bytes(&written).unwrap().plugin_id.unwrap(), worst);

    let small = Envelope { salt: vec![], ..envelope };
    let many = vec![Record { envelope: small, plugin_id: None }; eme::RECORDS + 1];
    let too_many = EmeError::TooMany { limit: eme::RECORDS };
    assert_eq!(eme::to_stream(&many).unwrap_err(), too_many);
    assert_eq!(eme::to_collection(&many).unwrap_err(), too_many);
    let stream = eme::to_bytes(&many[0].envelope, None).unwrap().repeat(many.len());
    assert_eq!(eme::from_stream(&stream).unwrap_err(), too_many);
}

#[test]
fn no_more_is_written_than_is_read() {
    let Record { envelope, .. } = records_by_curve("p256");
    let plugin_id = Some("\u{1}".repeat(2048));
    let records = vec![Record { envelope, plugin_id }; 6000];
    assert!(matches!(eme::to_stream(&records), Err(EmeError::TooLarge { .. })));
    assert!(matches!(eme::to_collection(&records), Err(EmeError::TooLarge { .. })));

    // Tables of one shape share what describes it; their reader counts it for each.
    let Record { envelope, .. } = records_by_curve("p256");
    let records = vec![Record { envelope, plugin_id: Some("x".repeat(580)) }; eme::RECORDS];
    let collection = eme::to_collection(&records).unwrap();
    let each = collection.len() / records.len();
    assert!((1000..1024).contains(&each), "{each}");
    assert!(eme::from_collection(&collection).unwrap() == records);
}

#[test]
fn a_collection_that_names_one_record_without_end_is_refused() {
    let Record { envelope, .. } = records_by_curve("p256");
    let one = eme::to_collection(&[Record { envelope, plugin_id: None }]).unwrap();
    assert_eq!(eme::from_collection(&one).unwrap().len(), 1);

    // The vector of records starts behind the root table; every entry of the long one leads to the same table.
    let entries = 200_000u32;
    let (vector, target) = vector_of_records(&one);
    let mut bomb = one[..vector].to_vec();
    bomb.extend(entries.to_le_bytes());
    for entry in 0..entries {
        let at = vector as u32 + 4 + 4 * entry;
        bomb.extend((target as u32 + 4 * (entries - 1) - at).to_le_bytes());
    }
    bomb.extend(&one[vector + 8..]);
    let size = bomb.len() as u32 - 4;
    bomb[..4].copy_from_slice(&size.to_le_bytes());
    assert_eq!(eme::from_collection(&bomb), Err(EmeError::TooMany { limit: eme::RECORDS }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_envelope_comes_back(record in any_record()) {
        let written = eme::to_bytes(&record.envelope, record.plugin_id.as_deref()).unwrap();
        prop_assert!(written.len() <= eme::RECORD_BYTES);
        prop_assert_eq!(u32::from_le_bytes(written[..4].try_into().unwrap()) as usize, written.len() - 4);
        prop_assert_eq!(&eme::from_bytes(&written).unwrap(), &record);
        prop_assert_eq!(&eme::from_bytes(&written[4..]).unwrap(), &record);
    }

    #[test]
    fn any_records_come_back(records in proptest::collection::vec(any_record(), 0..8)) {
        let stream = eme::to_stream(&records).unwrap();
        prop_assert_eq!(&eme::from_stream(&stream).unwrap(), &records);
        let collection = eme::to_collection(&records).unwrap();
        prop_assert_eq!(&eme::from_collection(&collection).unwrap(), &records);
        prop_assert_eq!(&eme::from_any(&collection).unwrap(), &records);
    }

    #[test]
    fn changed_and_cut_buffers_are_read_or_refused(
        which in any::<Index>(),
        changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..8),
        cut in any::<Index>(),
    ) {
        let vectors = vectors("eme.json");
        let good = [
            bytes(&vectors["records"][0], "size_prefixed"),
            bytes(&vectors["records"][0], "bare"),
            bytes(&vectors, "stream"),
            bytes(&vectors["collection"], "size_prefixed"),
            bytes(&vectors["collection"], "later"),
            bytes(&vectors["later"]["cases"][0], "bytes"),
        ];
        let mut changed = which.get(&good).clone();
        for (at, byte) in changes {
            let at = at.index(changed.len());
            changed[at] = byte;
        }
        for bytes in [&changed[..], &changed[..cut.index(changed.len())]] {
            if let Ok(records) = eme::from_any(bytes) {
                prop_assert!(records.len() <= 5);
            }
            let _ = (eme::from_bytes(bytes), eme::from_stream(bytes), eme::from_collection(bytes));
        }
    }

    #[test]
    fn offsets_that_lead_anywhere_are_read_or_refused(
        at in any::<Index>(),
        offset in any::<u32>(),
        small in 0u32..600,
    ) {
        let vectors = vectors("eme.json");
        for good in [bytes(&vectors["records"][0], "size_prefixed"), bytes(&vectors["collection"], "bare")] {
            let at = at.index(good.len() / 4) * 4;
            for offset in [offset, small, small.wrapping_neg()] {
                let mut changed = good.clone();
                changed[at..at + 4].copy_from_slice(&offset.to_le_bytes());
                let _ = eme::from_any(&changed);
            }
        }
    }

    #[test]
    fn nonsense_is_no_record(mut bytes in proptest::collection::vec(any::<u8>(), 12..400)) {
        bytes[4..8].copy_from_slice(b"$EME");
        prop_assert!(eme::from_bytes(&bytes).is_err());
    }
}

fn any_record() -> impl Strategy<Value = Record> {
    let curve = proptest::sample::select(vec![
        Curve::Ed25519,
        Curve::P256,
        Curve::P384,
        Curve::Secp256k1,
        Curve::X25519,
    ]);
    let ephemeral = proptest::collection::vec(any::<u8>(), 1..98);
    let salt = proptest::collection::vec(any::<u8>(), 0..65);
    let wrapped = proptest::array::uniform30(any::<[u8; 2]>());
    let plugin_id = proptest::option::of(any::<String>());
    (curve, ephemeral, salt, wrapped, plugin_id).prop_map(
        |(curve, ephemeral_pub, salt, wrapped, plugin_id)| Record {
            envelope: Envelope {
                ephemeral_pub,
                wrapped_dek: wrapped.concat().try_into().unwrap(),
                salt,
                curve,
            },
            plugin_id,
        },
    )
}

/// Where the vector of a collection with one record stands, and the table it leads to.
fn vector_of_records(collection: &[u8]) -> (usize, usize) {
    let word = |at: usize| u32::from_le_bytes(collection[at..at + 4].try_into().unwrap()) as usize;
    let root = 4 + word(4);
    let field = root + 4;
    let vector = field + word(field);
    assert_eq!(word(vector), 1);
    (vector, vector + 4 + word(vector + 4))
}

fn records() -> Vec<Value> {
    vectors("eme.json")["records"].as_array().unwrap().clone()
}

fn records_by_curve(curve: &str) -> Record {
    records().iter().find(|case| text(case, "curve") == curve).map(record).unwrap()
}

fn record(case: &Value) -> Record {
    Record {
        envelope: from_value(case["envelope"].clone()).unwrap(),
        plugin_id: case["plugin_id"].as_str().map(Into::into),
    }
}

fn bytes(value: &Value, field: &str) -> Vec<u8> {
    hex::decode(text(value, field)).unwrap()
}
