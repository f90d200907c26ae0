//! Files with the key of an account on a chain: whatever they ask for, they cost no more than is allowed, open for no
//! stranger, and for their owner as the account they name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealpost_chain::{KeyFile, fuzz};
use sealpost_fuzz::stranger;

/// Of the seeds.
const PASSPHRASE: &str = "testpassword";
/// What parsing lets through at most, and what is opened here: more takes longer and does nothing else.
const MOST: u64 = 1 << 24;
const CHEAP: u64 = 1 << 10;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let key = match KeyFile::parse(text) {
        Ok(key) => key,
        Err(error) => {
            assert!(!error.to_string().contains(char::is_control), "{error:?}");
            return;
        }
    };
    match key {
        KeyFile::Plain(_) => {
            let digits = text.trim().trim_start_matches("0x").to_lowercase();
            assert!(!format!("{key:?}").to_lowercase().contains(&digits), "the key is shown");
        }
        KeyFile::Sealed(keystore) => {
            let work = fuzz::work(&keystore);
            assert!((1..=MOST).contains(&work), "opening costs {work}");
            if work > CHEAP {
                return;
            }
            assert!(keystore.open(&hex::encode(stranger(data))).is_err(), "opened for a stranger");
            if let Ok(signer) = keystore.open(PASSPHRASE) {
                assert!(keystore.address().is_none_or(|named| named == signer.address()));
            }
        }
    }
});
