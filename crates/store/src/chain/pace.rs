//! How fast a chain is read: whoever is refused asks for less at once, and for more again when that goes well.

/// Blocks read together.
const BLOCKS: u64 = 2_000;
/// Events taken together.
const EVENTS: usize = 64;
/// View calls under way at the same time.
const QUESTIONS: usize = 8;
/// By then a single block is read at a time.
const SLOWEST: u32 = 11;

/// How much is asked for at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pace(u32);

impl Pace {
    /// Blocks whose events are asked for together.
    pub(crate) fn blocks(self) -> u64 {
        (BLOCKS >> self.0).max(1)
    }

    /// Events that are looked into and taken together, as far as blocks can be parted.
    pub(crate) fn events(self) -> usize {
        (EVENTS >> self.0).max(1)
    }

    /// View calls under way at the same time.
    pub(crate) fn questions(self) -> usize {
        (QUESTIONS >> self.0).max(1)
    }

    /// Half of it.
    pub(crate) fn slower(self) -> Self {
        Self(SLOWEST.min(self.0 + 1))
    }

    /// Twice as much.
    pub(crate) fn faster(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_refused_asks_for_half_down_to_a_single_block_and_recovers() {
        let mut pace = Pace::default();
        let fastest = (pace.blocks(), pace.events(), pace.questions());
        for _ in 0..50 {
            let slower = pace.slower();
            assert!(slower.blocks() <= pace.blocks() && slower.blocks() >= 1);
            pace = slower;
        }
        assert_eq!((pace.blocks(), pace.events(), pace.questions()), (1, 1, 1));
        for _ in 0..50 {
            pace = pace.faster();
        }
        assert_eq!((pace.blocks(), pace.events(), pace.questions()), fastest);
    }
}
