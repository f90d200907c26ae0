use zeroize::{Zeroizing, optimization_barrier};

use super::whole::WHOLE_LIMIT;

/// Up to here the room doubles; beyond, there is room for every file at once. An operating system gives memory where
/// it is first written, so room alone costs nothing, and at most this much is ever moved.
const MOVED: usize = 1 << 20;

/// A plaintext in one piece: never copied to where it could be left behind, every byte erased once, when it was
/// consumed or when all is dropped.
#[derive(Default)]
pub(super) struct Plain {
    bytes: Vec<u8>,
    consumed: usize,
}

impl Plain {
    /// What was decrypted in place, or will be, but for its first bytes, which are no secret.
    pub(super) fn behind(head: usize, bytes: Vec<u8>) -> Self {
        Self { bytes, consumed: head }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[self.consumed..]
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.bytes[self.consumed..]
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.consumed
    }

    pub(super) fn extend(&mut self, more: &[u8]) {
        let needed = self.bytes.len() + more.len();
        if needed > self.bytes.capacity() {
            let room = if needed <= MOVED { needed.next_power_of_two() } else { needed.max(WHOLE_LIMIT) };
            let mut grown = Vec::with_capacity(room);
            grown.extend_from_slice(&self.bytes);
            erase(&mut self.bytes);
            self.bytes = grown;
        }
        self.bytes.extend_from_slice(more);
    }

    pub(super) fn consume(&mut self, amount: usize) {
        let consumed = self.consumed + amount.min(self.len());
        erase(&mut self.bytes[self.consumed..consumed]);
        self.consumed = consumed;
    }

    /// Cuts off what follows the plaintext.
    pub(super) fn truncate(&mut self, len: usize) {
        let end = (self.consumed + len).min(self.bytes.len());
        erase(&mut self.bytes[end..]);
        self.bytes.truncate(end);
    }

    /// Gives all of it away.
    pub(super) fn take(mut self) -> Zeroizing<Vec<u8>> {
        self.bytes.drain(..std::mem::take(&mut self.consumed));
        Zeroizing::new(std::mem::take(&mut self.bytes))
    }

    /// Gives it away after it was encrypted in place: there is nothing left to erase.
    pub(super) fn take_encrypted(mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        erase(self.as_mut_slice());
    }
}

/// As fast as memory is: `zeroize` writes byte after byte. The barrier keeps the compiler from leaving it out.
fn erase(bytes: &mut [u8]) {
    bytes.fill(0);
    optimization_barrier(bytes);
}

#[cfg(test)]
mod tests;
