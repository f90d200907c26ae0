/// Waiting times that double up to a limit, spread by a quarter either way so that a fleet does not march in step.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    first: u64,
    limit: u64,
    failures: u32,
    seed: u64,
}

impl Backoff {
    /// Times in milliseconds.
    pub(super) fn new(first: u64, limit: u64, seed: u64) -> Self {
        Self { first, limit, failures: 0, seed }
    }

    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after one more failure, milliseconds.
    pub(super) fn fail(&mut self) -> u64 {
        let full = self.first.saturating_mul(1 << self.failures.min(20)).min(self.limit);
        self.failures = self.failures.saturating_add(1);
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        full * 3 / 4 + (self.seed >> 33) % (full / 2 + 1)
    }
}
