//! Keys in memory of their own that is kept from being swapped out, where the system allows that.

use std::{fmt, hint::black_box};

use region::LockGuard;
use zeroize::Zeroize;

/// Bytes of the stack that are written over: more than opening a file takes, far less than a thread has.
const BELOW: usize = 256 << 10;

/// A whole page, also of the larger ones of 64-bit boards: unlocking is by page and would unlock a neighbour too.
#[repr(align(16384))]
struct Page<T>(Option<T>);

/// Something secret; erased by its own drop, then unlocked, then given back.
pub(crate) struct Locked<T> {
    // Dropped in this order, after the secret itself: see `drop`.
    lock: Option<LockGuard>,
    page: Box<Page<T>>,
}

impl<T> Locked<T> {
    /// Makes a secret and takes it over; what that left on the stack is written over.
    ///
    /// # Errors
    /// Those of `secret`.
    pub(crate) fn make<E>(secret: impl FnOnce() -> Result<T, E>) -> Result<Self, E> {
        leaving_nothing(|| secret().map(Self::new))
    }

    fn new(secret: T) -> Self {
        let mut page = Box::new(Page(None));
        let lock = region::lock(&raw const *page, size_of::<Page<T>>());
        if let Err(error) = &lock {
            tracing::warn!(%error, "a key could not be locked in memory");
        }
        page.0 = Some(secret);
        Self { lock: lock.ok(), page }
    }

    /// The secret; `None` only while it is dropped.
    pub(crate) fn get(&self) -> Option<&T> {
        self.page.0.as_ref()
    }

    /// Whether the system locked it.
    #[cfg(test)]
    fn is_locked(&self) -> bool {
        self.lock.is_some()
    }
}

/// Does something with keys, and writes over what they left on the stack: moving a value leaves its bytes where it was.
#[inline(never)]
pub(crate) fn leaving_nothing<T>(work: impl FnOnce() -> T) -> T {
    let done = apart(work);
    write_over();
    done
}

/// In a frame of its own, so that all it used lies below the caller's.
#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn write_over() {
    let mut below = [0_u8; BELOW];
    black_box(&mut below).zeroize();
    black_box(&below);
}

impl<T> Drop for Locked<T> {
    fn drop(&mut self) {
        self.page.0 = None;
        self.lock = None;
    }
}

impl<T> fmt::Debug for Locked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Locked([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use sealpost_envelope::Dek;

    use super::*;

    /// Kilobytes of this process that are locked.
    fn locked() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse().unwrap()
    }

    #[test]
    fn a_key_is_locked_by_pages_of_its_own_and_none_unlocks_another() {
        let keys: Vec<_> = (0..4).map(|byte| Locked::new(Dek::from_bytes([byte; 32]))).collect();
        if keys.iter().any(|key| !key.is_locked()) {
            // Nothing may be locked here; then there is nothing to look at.
            return;
        }
        let pages: std::collections::BTreeSet<_> =
            keys.iter().map(|key| (&raw const *key.page).addr() / 4096).collect();
        assert_eq!(pages.len(), keys.len());
        let all = locked();
        let mut keys = keys.into_iter();
        drop(keys.next());
        assert!(all - locked() >= 4, "its page is unlocked");
        assert!(locked() >= 3 * 4, "those of the others are not");
        assert_eq!(keys.next().unwrap().get(), Some(&Dek::from_bytes([1; 32])));
    }

    #[test]
    fn debug_shows_no_key_byte() {
        assert_eq!(format!("{:?}", Locked::new(Dek::from_bytes([0xab; 32]))), "Locked([redacted])");
    }
}
