//! Where tests break this program: see `crates/faults`. Without the feature `faults` a point is nothing.

use sealpost_faults::point;

/// What is passed before a request goes out and after its answer came, before anything is made of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    asked: &'static str,
    answered: &'static str,
}

impl Asking {
    pub(crate) async fn around<T>(self, request: impl Future<Output = T>) -> T {
        point(self.asked);
        let answer = request.await;
        point(self.answered);
        answer
    }
}

macro_rules! points {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
        $($(#[$doc])* pub(crate) const $constant: &str = $name;)*
        /// The names of the steps by themselves.
        const STEPS: &[&str] = &[$($name),*];
    };
}

macro_rules! requests {
    ($($constant:ident = $name:literal;)*) => {
        $(pub(crate) const $constant: Asking =
            Asking { asked: concat!($name, ".asked"), answered: concat!($name, ".answered") };)*
        /// The names around requests.
        const REQUESTS: &[&str] = &[$(concat!($name, ".asked"), concat!($name, ".answered")),*];
    };
}

points! {
    /// The identity key lies beside its place.
    IDENTITY = "agent.identity";
    /// Before the document is written.
    SAVE = "agent.save";
    /// It is written beside the old one.
    SAVE_WRITTEN = "agent.save.written";
    /// It took the old one's place.
    SAVE_DONE = "agent.save.done";
    /// Before the token is written, and after.
    TOKEN = "agent.token";
    TOKEN_DONE = "agent.token.done";
    /// The store's answer that completes a pairing is there, nothing of it is kept.
    PAIRED = "agent.paired";
    /// Before a piece of the blob is written.
    SLICE = "agent.download.slice";
    /// The blob is there and is the signed one.
    DOWNLOADED = "agent.downloaded";
    /// Before a piece of the file is decrypted into memory.
    OPEN_STEP = "agent.open.step";
    /// The file is open and sealed.
    OPENED = "agent.opened";
    /// The stub is written.
    STUB = "agent.stub";
    /// Moonraker told something.
    OBSERVED = "agent.observed";
    /// A job ended: before the caches are cleaned, and after.
    DISCARD = "agent.discard";
    DISCARDED = "agent.discarded";
}

requests! {
    POLL = "agent.poll";
    KEYS = "agent.keys";
    REFRESH = "agent.refresh";
    REISSUE = "agent.reissue";
    CLAIM = "agent.claim";
    REPORT = "agent.report";
    HAND_OVER = "agent.handover";
    START = "agent.start";
    CANCEL = "agent.cancel";
    DROP = "agent.drop";
    QUERY = "agent.query";
}

/// Every name there is.
pub fn all() -> impl Iterator<Item = &'static str> {
    STEPS.iter().chain(REQUESTS).copied()
}
