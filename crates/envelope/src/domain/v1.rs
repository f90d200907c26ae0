//! The derivation of the public Space Data Network demo (`scripts/build-demo-wasm.js`), written anew from what that
//! script computes.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::digest;

const PASSES: usize = 3;
/// Most steps of one pass.
const STEPS: usize = 7;

/// `secret` is not empty. An empty plugin id skips the last hash.
pub(super) fn derive(
    secret: &[u8],
    domain: &str,
    plugin_id: &str,
    epoch: Option<u64>,
) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new(digest::sha256(secret));
    stir(&mut key, secret);
    let program = program(secret);
    for block in key.as_chunks_mut().0 {
        let mixed = program.iter().fold(u64::from_le_bytes(*block), |value, step| step.apply(value));
        *block = mixed.to_le_bytes();
    }
    xor(&mut key, &digest::sha256(domain.as_bytes()));
    if let Some(epoch) = epoch {
        xor(&mut key, &digest::sha256(&epoch.to_le_bytes()));
    }
    if plugin_id.is_empty() {
        return key;
    }
    let identified = Zeroizing::new([key.as_slice(), plugin_id.as_bytes()].concat());
    Zeroizing::new(digest::sha256(&identified))
}

/// The script's rotation depends on the position on paper only: `(7 i + 3) mod 7 + 1` is 4 for every i.
fn stir(key: &mut [u8; 32], secret: &[u8]) {
    for _ in 0..PASSES {
        let mut previous = 0;
        for (byte, secret) in key.iter_mut().zip(secret.iter().cycle()) {
            *byte = (*byte ^ secret).rotate_left(4) ^ previous;
            previous = *byte;
        }
    }
}

fn xor(key: &mut [u8; 32], with: &[u8; 32]) {
    for (byte, other) in key.iter_mut().zip(with) {
        *byte ^= other;
    }
}

/// One step on a 64-bit block, arithmetic modulo 2^64.
#[derive(Clone, Copy, Zeroize)]
struct Step {
    operation: u8,
    low: u8,
    high: u8,
}

impl Step {
    fn apply(self, value: u64) -> u64 {
        let argument = u64::from(u16::from_le_bytes([self.low, self.high]));
        match self.operation {
            0 => value ^ argument.wrapping_mul(0x9e37_79b1_85eb_ca87),
            1 => value.rotate_left(u32::from(self.low % 63) + 1),
            2 => value.wrapping_mul(argument << 1 | 1),
            3 => value.wrapping_add(argument),
            4 => value.wrapping_sub(argument),
            5 => value ^ (value >> 17).wrapping_mul(0xbf58_476d_1ce4_e5b9),
            _ => value,
        }
    }
}

/// Three rounds of the five kinds of steps and one or two that do nothing, each round shuffled. The order in which
/// bytes are drawn is part of the format.
fn program(secret: &[u8]) -> Zeroizing<Vec<Step>> {
    let mut draw = Draw::new(secret);
    // Large enough from the start, so that growing leaves no copies behind.
    let mut program = Zeroizing::new(Vec::with_capacity(PASSES * STEPS));
    for _ in 0..PASSES {
        let start = program.len();
        program.push(draw.step(0));
        program.push(Step { operation: 1, low: draw.between(1, 63), high: 0 });
        program.push(draw.step(2));
        let operation = draw.between(3, 4);
        program.push(draw.step(operation));
        program.push(draw.step(5));
        for _ in 0..draw.between(1, 2) {
            let operation = draw.between(6, 7);
            program.push(draw.step(operation));
        }
        for last in (start + 1..program.len()).rev() {
            program.swap(last, start + usize::from(draw.byte()) % (last - start + 1));
        }
    }
    program
}

/// Bytes that only the secret decides.
struct Draw {
    seed: Zeroizing<[u8; 32]>,
    counter: u32,
}

impl Draw {
    fn new(secret: &[u8]) -> Self {
        Self { seed: hmac(b"kdf-program-v1", secret), counter: 0 }
    }

    fn byte(&mut self) -> u8 {
        let [first, ..] = *hmac(&self.seed, &self.counter.to_le_bytes());
        self.counter += 1;
        first
    }

    fn between(&mut self, least: u8, most: u8) -> u8 {
        least + self.byte() % (most - least + 1)
    }

    fn step(&mut self, operation: u8) -> Step {
        let low = self.byte();
        Step { operation, low, high: self.byte() }
    }
}

/// HMAC-SHA256; keys of up to 64 bytes are the same as padded with zeros, so no key is refused.
fn hmac<const N: usize>(key: &[u8; N], message: &[u8]) -> Zeroizing<[u8; 32]> {
    const { assert!(N <= 64) };
    let mut padded = Zeroizing::new([0; 64]);
    padded[..N].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new((&*padded).into());
    mac.update(message);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;

    #[test]
    fn the_program_is_erased_and_never_moves() {
        fn erases_itself<T: ZeroizeOnDrop>(_: &T) {}
        for secret in 0..100_u8 {
            let program = program(&[secret]);
            erases_itself(&program);
            assert_eq!(program.capacity(), PASSES * STEPS);
        }
    }
}
