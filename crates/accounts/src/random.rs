//! Random names and secrets.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use getrandom::SysRng;
use rand_core::{CryptoRng, UnwrapErr};
use sealpost_market::ID_RANDOM_BYTES;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// The system's generator.
pub fn system_rng() -> impl CryptoRng {
    UnwrapErr(SysRng)
}

/// Random bytes for an identifier of `sealpost_market`.
pub fn id_bytes(rng: &mut (impl CryptoRng + ?Sized)) -> [u8; ID_RANDOM_BYTES] {
    let mut bytes = [0; ID_RANDOM_BYTES];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// 256 random bits as 43 characters of base64url: a secret that its holder shows once or more.
pub fn secret(rng: &mut (impl CryptoRng + ?Sized)) -> Zeroizing<String> {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    let text = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(bytes));
    bytes.zeroize();
    text
}

/// How such a secret is kept: lower-hex SHA-256. With 256 bits to guess, looking it up by its hash gives nothing away.
pub fn secret_hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// A number from 0 to `below` - 1 without bias, by rejection.
pub fn number(below: u32, rng: &mut (impl CryptoRng + ?Sized)) -> u32 {
    let below = below.max(1);
    let limit = u32::MAX - u32::MAX % below;
    loop {
        let drawn = rng.next_u32();
        if drawn < limit {
            return drawn % below;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_below_the_limit_is_drawn() {
        let mut seen = [false; 20];
        for _ in 0..2_000 {
            seen[number(20, &mut system_rng()) as usize] = true;
        }
        assert!(seen.iter().all(|seen| *seen));
    }
}
