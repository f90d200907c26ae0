//! Where tests break this program: see `crates/faults`. Without the feature `faults` a point is nothing.

use sealpost_accounts::ApiError;
use sealpost_faults::{Injected, pass, point};

use crate::blobs::BlobError;
use crate::fault::Fault;

/// What is passed at the end of a transaction, and again when it is durable, before anybody is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Commit {
    before: &'static str,
    after: &'static str,
}

impl Commit {
    /// In the transaction, which fails where a test wants the database to.
    pub(crate) fn before(self) -> Result<(), Injected> {
        pass(self.before)
    }

    /// As [`Self::before`], for those who speak of accounts.
    pub(crate) fn checked(self) -> Result<(), ApiError> {
        pass(self.before).map_err(failed)
    }

    /// Behind the transaction, where that is known already.
    pub(crate) fn passed(self) {
        point(self.after);
    }

    /// Behind the transaction, if it was committed.
    pub(crate) fn behind<T, E>(self, done: Result<T, E>) -> Result<T, E> {
        if done.is_ok() {
            point(self.after);
        }
        done
    }
}

/// As what those who speak of accounts see it.
pub(crate) fn failed(injected: Injected) -> ApiError {
    ApiError::internal(std::io::Error::from(injected))
}

impl From<Injected> for Fault {
    fn from(injected: Injected) -> Self {
        Self::internal(std::io::Error::from(injected))
    }
}

impl From<Injected> for BlobError {
    fn from(injected: Injected) -> Self {
        Self::Storage(std::io::Error::from(injected).to_string())
    }
}

macro_rules! points {
    ($all:ident: $($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
        $($(#[$doc])* pub(crate) const $constant: &str = $name;)*
        /// The names of the steps by themselves.
        const $all: &[&str] = &[$($name),*];
    };
}

macro_rules! commits {
    ($all:ident: $($constant:ident = $name:literal;)*) => {
        $(pub(crate) const $constant: Commit =
            Commit { before: concat!($name, ".commit"), after: concat!($name, ".committed") };)*
        /// The names around transactions.
        const $all: &[&str] = &[$(concat!($name, ".commit"), concat!($name, ".committed")),*];
    };
}

points! {
    STEPS:
    /// A piece of an upload is there.
    UPLOAD_PIECE = "store.upload.piece";
    /// An upload is stored and named by nobody but the note about it.
    UPLOADED = "store.uploaded";
    /// A job is about to be sealed.
    SEAL = "store.seal";
    /// Before a piece of a release is opened and sealed anew.
    SEAL_STEP = "store.seal.step";
    /// The blob of a job is stored and named by nobody but the note about it.
    SEALED = "store.sealed";
    /// Before bytes of a blob are written.
    BLOB_PART = "store.blob.part";
    /// They are all written; the blob has not got its name.
    BLOB_WRITTEN = "store.blob.written";
    /// It has.
    BLOB_NAMED = "store.blob.named";
    /// Before a blob that nobody needs is deleted, and after, while the note about it is there.
    BLOB_DISCARD = "store.blob.discard";
    BLOB_DISCARDED = "store.blob.discarded";
    /// Before a piece of a blob is sent.
    DOWNLOAD_PIECE = "store.download.piece";
    /// Somebody is told what waits.
    OFFERED = "store.offered";
    /// Before a fresh signing key is in force, and after, while the set does not name it.
    ROTATE = "store.keys.rotate";
    ROTATED = "store.keys.rotated";
    /// Before deadlines are looked at.
    SWEEP = "store.sweep";
}

points! {
    TELLING:
    /// A message is about to be sent to a webhook.
    WEBHOOK_SEND = "store.webhook.send";
    /// It was, and nobody noted what was answered.
    WEBHOOK_SENT = "store.webhook.sent";
}

commits! {
    COMMITS:
    ANSWER = "store.answer";
    LISTING = "store.listing";
    BLOB_NOTE = "store.blob.note";
    RELEASE = "store.release";
    PURCHASE = "store.purchase";
    JOB = "store.job";
    CANCEL = "store.cancel";
    SEALING = "store.sealing";
    CLAIM = "store.claim";
    REPORT = "store.report";
    SILENCE = "store.silence";
    PAIR_START = "store.pair.start";
    PAIR_DECIDE = "store.pair.decide";
    PAIR_ANSWER = "store.pair.answer";
    ACTIVATE = "store.token.activate";
    REFRESH = "store.token.refresh";
    CHALLENGE = "store.challenge";
    CHALLENGE_USED = "store.challenge.used";
    REISSUE = "store.token.reissue";
    KEY_SET = "store.keys.sign";
}

commits! {
    TOLD:
    WEBHOOK_MADE = "store.webhook.made";
    WEBHOOK_NOTED = "store.webhook.noted";
    MAIL_WRITTEN = "store.mail.written";
}

/// Every name on the way from a listing to a print.
pub fn all() -> impl Iterator<Item = &'static str> {
    STEPS.iter().chain(COMMITS).copied()
}

/// Every name on the way of messages and letters to those who are told.
pub fn telling() -> impl Iterator<Item = &'static str> {
    TELLING.iter().chain(TOLD).chain(sealpost_mail::POINTS).copied()
}
