//! Keystore files: whatever they ask for, they cost no more than is allowed and open for no stranger.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealpost_wallet::{WorkFactor, keystore};

fuzz_target!(|data: &[u8]| {
    assert!(keystore::open(data, "not the passphrase", WorkFactor::MIN).is_err(), "opened for a stranger");
});
