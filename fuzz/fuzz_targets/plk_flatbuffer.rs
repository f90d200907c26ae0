//! Plugin licences as `$PLK` FlatBuffers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealpost_envelope::plk::Licence;
use sealpost_fuzz::check_licence;

fuzz_target!(|data: &[u8]| {
    if let Ok(licence) = Licence::from_flatbuffer(data) {
        check_licence(&licence);
    }
});
