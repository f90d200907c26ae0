//! `$EME` FlatBuffers: single records, streams and collections.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealpost_envelope::{
    ErrorCode,
    eme::{self, Record},
};

fuzz_target!(|data: &[u8]| {
    if let Ok(record) = eme::from_bytes(data) {
        assert_eq!(eme::from_any(data).as_ref(), Ok(&vec![record.clone()]));
        match eme::to_bytes(&record.envelope, record.plugin_id.as_deref()) {
            Ok(bytes) => {
                assert_eq!(eme::from_bytes(&bytes).as_ref(), Ok(&record));
                assert_eq!(eme::from_bytes(&bytes[4..]).as_ref(), Ok(&record), "without its size prefix");
                again(vec![record]);
            }
            Err(error) => assert_eq!(error.code(), "eme_too_large"),
        }
    }
    if let Ok(records) = eme::from_collection(data) {
        again(records);
    }
    if let Ok(records) = eme::from_stream(data) {
        again(records);
    }
});

fn again(records: Vec<Record>) {
    if let Ok(stream) = eme::to_stream(&records) {
        assert_eq!(eme::from_stream(&stream).as_ref(), Ok(&records));
        assert_eq!(eme::from_any(&stream).as_ref(), Ok(&records));
        let collection = eme::to_collection(&records).unwrap();
        assert_eq!(eme::from_collection(&collection).as_ref(), Ok(&records));
        assert_eq!(eme::from_any(&collection).as_ref(), Ok(&records));
    }
}
