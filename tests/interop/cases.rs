//! What the peers are asked about, drawn from a seed.
//!
//! `SEALPOST_INTEROP_CASES` sets how many cases each test draws (16), `SEALPOST_INTEROP_SEED` repeats a run; a test
//! that fails shows the seed it had. What the peers draw themselves, such as their ephemeral keys, is new in each run.

use std::env;

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sealpost_envelope::{Dek, digest};
use serde_json::{Map, Value};

/// Sizes around the steps of every cipher: none, AES blocks, age's chunks, a file.
pub(crate) const SIZES: [usize; 9] = [0, 1, 15, 16, 17, 65_535, 65_536, 65_537, 1_000_000];

/// The randomness of one test.
pub(crate) struct Cases {
    rng: ChaCha20Rng,
}

impl Cases {
    /// Different for every name.
    pub(crate) fn new(name: &str) -> Self {
        let seed = env::var("SEALPOST_INTEROP_SEED").ok().unwrap_or_else(|| {
            let mut fresh = [0; 8];
            sealpost_tests::random().fill_bytes(&mut fresh);
            hex::encode(fresh)
        });
        eprintln!("{name}: SEALPOST_INTEROP_SEED={seed}");
        Self { rng: ChaCha20Rng::from_seed(digest::sha256(format!("{seed}/{name}").as_bytes())) }
    }

    /// How many to draw.
    pub(crate) fn count() -> usize {
        let Some(count) = env::var_os("SEALPOST_INTEROP_CASES") else { return 16 };
        let count = count.to_str().and_then(|count| count.parse().ok()).filter(|count| *count > 0);
        count.unwrap_or_else(|| panic!("SEALPOST_INTEROP_CASES is a number above zero"))
    }

    pub(crate) fn rng(&mut self) -> &mut ChaCha20Rng {
        &mut self.rng
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    pub(crate) fn dek(&mut self) -> Dek {
        Dek::from_bytes(self.array())
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.rng.next_u32()).unwrap() % end
    }

    /// One of them.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    /// Some JSON that every library reads the same, `depth` levels deep at most.
    pub(crate) fn json(&mut self, depth: usize) -> Value {
        const FLOATS: [f64; 8] = [0.0, 0.1, -1.5, 1e21, 1e-7, 333_333_333.333_333_3, 5e-324, f64::MAX];
        const SAFE: i64 = (1 << 53) - 1;
        match self.below(if depth == 0 { 5 } else { 7 }) {
            0 => Value::Null,
            1 => (self.below(2) == 0).into(),
            2 => (i64::from_be_bytes(self.array()) % (SAFE + 1)).into(),
            3 => FLOATS[self.below(FLOATS.len())].into(),
            4 => self.text().into(),
            5 => (0..self.below(4)).map(|_| self.json(depth - 1)).collect(),
            _ => self.object(depth - 1).into(),
        }
    }

    /// An object of some JSON.
    pub(crate) fn object(&mut self, depth: usize) -> Map<String, Value> {
        (0..self.below(6)).map(|_| (self.text(), self.json(depth))).collect()
    }

    /// Text with what JSON and sorting stumble over.
    pub(crate) fn text(&mut self) -> String {
        const CHARACTERS: [char; 15] = [
            'a', 'B', '1', ' ', '"', '\\', '/', '\n', '\u{1}', '\u{7f}', 'ö', '€', '\u{2028}', '\u{fb33}',
            '😀',
        ];
        (0..self.below(8)).map(|_| CHARACTERS[self.below(CHARACTERS.len())]).collect()
    }

    /// An id as publishers write them, beyond ASCII too.
    pub(crate) fn plugin_id(&mut self) -> String {
        let heads = ["com.publisher.my-plugin", "vault:", "плагин", "插件", "🛰", "p", "a:b/c d\"e\\"];
        let len = self.below(5);
        format!("{}{}", self.pick(&heads), hex::encode(self.bytes(len)))
    }
}
