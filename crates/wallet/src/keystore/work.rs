use std::{fmt, str::FromStr};

/// How much work a try of the passphrase costs: scrypt with N = 2^x, r = 8, p = 1, in 2^(x-10) MiB of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkFactor(u8);

impl WorkFactor {
    /// The least: for tests, and for passphrases that are random keys themselves.
    pub const MIN: Self = Self(10);
    /// What `age` takes: about a second and 256 MiB on a desktop.
    pub const DEFAULT: Self = Self(18);
    /// The most: several seconds and 1 GiB.
    pub const MAX: Self = Self(20);

    /// Takes the binary logarithm of N.
    ///
    /// # Errors
    /// [`OutOfRange`] below [`MIN`](Self::MIN) or above [`MAX`](Self::MAX).
    pub fn new(log2: u8) -> Result<Self, OutOfRange> {
        let work = Self(log2);
        if (Self::MIN..=Self::MAX).contains(&work) { Ok(work) } else { Err(OutOfRange) }
    }

    /// The binary logarithm of N.
    pub fn log2(self) -> u8 {
        self.0
    }
}

impl Default for WorkFactor {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for WorkFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for WorkFactor {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map_err(|_| OutOfRange).and_then(Self::new)
    }
}

/// A work factor nobody should use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the work factor is a number from {} to {}", WorkFactor::MIN, WorkFactor::MAX)]
pub struct OutOfRange;
