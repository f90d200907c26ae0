//! When a message that was not taken is sent again.

/// Seconds to wait behind each attempt that failed: about three days in all, as the Standard Webhooks specification suggests.
const SCHEDULE: [u32; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// Attempts at most.
pub const ATTEMPTS: u32 = SCHEDULE.len() as u32 + 1;

/// Milliseconds to wait after so many attempts that failed; `None` when that was the last one. `jitter` is anything random: it
/// spreads those who failed at the same moment over a fifth of the time.
#[must_use]
pub fn pause_ms(failed: u32, jitter: u16) -> Option<i64> {
    let at = usize::try_from(failed.checked_sub(1)?).ok()?;
    let base = i64::from(*SCHEDULE.get(at)?) * 1_000;
    Some(base + base / 5 * i64::from(jitter) / i64::from(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_to_about_three_days_and_end() {
        let pauses: Vec<i64> = (1..ATTEMPTS).map(|failed| pause_ms(failed, 0).unwrap()).collect();
        assert!(pauses.is_sorted());
        let days = pauses.iter().sum::<i64>() as f64 / 86_400_000.0;
        assert!((2.5..4.0).contains(&days), "{days}");
        assert_eq!(pause_ms(ATTEMPTS, 0), None);
        assert_eq!(pause_ms(0, 0), None);
    }

    #[test]
    fn jitter_only_adds_and_at_most_a_fifth() {
        for failed in 1..ATTEMPTS {
            let (least, most) = (pause_ms(failed, 0).unwrap(), pause_ms(failed, u16::MAX).unwrap());
            assert!(most > least && most <= least + least / 5, "{failed}");
        }
    }
}
