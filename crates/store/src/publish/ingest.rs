//! From an upload to a sealed blob and its key.

use std::time::Duration;

use axum::extract::multipart::{Field, MultipartError};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use sealpost_api::Problem;
use sealpost_api::catalogue::{NewRelease, SealedUpload};
use sealpost_envelope::cid::CidHasher;
use sealpost_envelope::content::WHOLE_LIMIT;
use sealpost_envelope::{ContentCipher, Dek, Digest, ErrorCode, ecdh};
use sealpost_faults::pass;
use sealpost_market::ListingKind;
use sha2::Digest as _;
use tokio::task::AbortHandle;

use super::form;
use crate::blobs::pending;
use crate::fault::{Fault, Result};
use crate::pipe::{self, Feed};
use crate::state::AppState;
use crate::streams::{self, Seen, Source, Stopped, Written};
use crate::{limits, points, random};

/// How long an upload may stand still.
const PATIENCE: Duration = Duration::from_secs(60);
/// What `aes-256-gcm` adds: IV and tag.
const GCM_OVERHEAD: u64 = 28;

/// A blob that is written and belongs to nobody yet, its key, and what was seen of the file.
#[derive(Debug)]
pub(crate) struct Ingested {
    pub(crate) blob: Unowned,
    pub(crate) dek: Dek,
    pub(crate) written: Written,
    pub(crate) seen: Seen,
}

/// A noted blob; given up when dropped without [`Unowned::keep`], and deleted then if it has no owner.
#[derive(Debug)]
pub(crate) struct Unowned {
    state: AppState,
    name: String,
    kept: std::sync::atomic::AtomicBool,
    renewing: AbortHandle,
}

pub(crate) async fn run(
    state: &AppState,
    release: &str,
    new: &NewRelease,
    kind: ListingKind,
    file: Field<'_>,
) -> Result<Ingested> {
    let blob = Unowned::announce(state, format!("releases/{release}")).await?;
    match &new.sealed {
        None => plain(state, blob, kind, file).await,
        Some(sealed) => presealed(state, blob, sealed, kind, file).await,
    }
}

async fn plain(state: &AppState, blob: Unowned, kind: ListingKind, mut file: Field<'_>) -> Result<Ingested> {
    let dek = Dek::generate(&mut random::rng());
    let (feed, reader) = pipe::to_thread();
    let (writer, pieces) = pipe::from_thread();
    let key = dek.clone();
    let thread = tokio::task::spawn_blocking(move || streams::seal_plain(reader, writer, &key, kind));
    let writing = {
        let (blobs, name) = (state.blobs.clone(), blob.name.clone());
        tokio::spawn(async move { blobs.write(&name, pieces).await })
    };
    let fed = feed_limited(&mut file, feed, Limit::plain(state, kind), |_| ()).await;
    let sealed = thread.await.map_err(Fault::internal)?;
    let stored = writing.await.map_err(Fault::internal)?;
    if let Err(refused @ (Stopped::Refused(_) | Stopped::NotWasm(_) | Stopped::Plugin)) = sealed {
        form::drain(&mut file).await;
        return Err(stopped(refused));
    }
    fed?;
    stored?;
    let (written, seen) = sealed.map_err(stopped)?;
    Ok(Ingested { blob, dek, written, seen })
}

async fn presealed(
    state: &AppState,
    blob: Unowned,
    sealed: &SealedUpload,
    kind: ListingKind,
    mut file: Field<'_>,
) -> Result<Ingested> {
    let said = plain_digest(sealed)?;
    let (cipher, iv, dek) = read_key(state, sealed, kind, &said)?;
    let (feed, pieces) = pipe::direct();
    let writing = {
        let (blobs, name) = (state.blobs.clone(), blob.name.clone());
        tokio::spawn(async move { blobs.write(&name, pieces).await })
    };
    let (mut hash, mut size) = (sha2::Sha256::new(), 0);
    let mut cid = (kind == ListingKind::Plugin).then(CidHasher::default);
    let fed = feed_limited(&mut file, feed, Limit::sealed(state, kind), |piece| {
        hash.update(piece);
        size += piece.len() as u64;
        if let Some(cid) = &mut cid {
            cid.update(piece);
        }
    })
    .await;
    let stored = writing.await.map_err(Fault::internal)?;
    fed?;
    stored?;
    let digest = Digest { sha256: hash.finalize().into(), size };
    let source = Source { name: blob.name.clone(), size, cipher, iv };
    let key = dek.clone();
    let seen = streams::read_blob(state, &source, move |reader| {
        streams::open_sealed(reader, &key, cipher, iv, kind)
    })
    .await?
    .map_err(stopped)?;
    if seen.plain != said {
        return Err(Problem::new(422, "plain_mismatch", "The sealed file is another one than was said")
            .detail("Its hash or size differs from `plain_sha256` and `plain_size`.")
            .hint("Seal the file again and send what belongs to it.")
            .into());
    }
    if kind == ListingKind::Plugin && size != seen.plain.size + GCM_OVERHEAD {
        return Err(Problem::new(422, "blob_format", "The sealed file is written as text")
            .detail("It is base64, and buyers fetch bytes.")
            .hint("Send the bytes: 12 of the IV, the ciphertext, 16 of the tag.")
            .into());
    }
    let cid = cid.map(CidHasher::finish);
    Ok(Ingested { blob, dek, written: Written { cipher, iv, blob: digest, cid }, seen })
}

pub(crate) fn plain_digest(sealed: &SealedUpload) -> Result<Digest> {
    let mut sha256 = [0; 32];
    hex::decode_to_slice(&sealed.plain_sha256, &mut sha256)
        .map_err(|_| limits::invalid("plain_sha256", "it is 64 hex digits"))?;
    Ok(Digest { sha256, size: sealed.plain_size })
}

fn read_key(
    state: &AppState,
    sealed: &SealedUpload,
    kind: ListingKind,
    plain: &Digest,
) -> Result<(ContentCipher, Option<[u8; 16]>, Dek)> {
    let cipher: ContentCipher = sealed.cipher.parse().map_err(|error| limits::invalid("cipher", error))?;
    match (kind, cipher) {
        (ListingKind::Gcode, ContentCipher::Age | ContentCipher::Aes256Cbc)
        | (ListingKind::Plugin, ContentCipher::Aes256Gcm) => {}
        (ListingKind::Gcode, _) => {
            return Err(limits::invalid("cipher", "G-code is sealed with `age` or `aes-256-cbc`"));
        }
        (ListingKind::Plugin, _) => {
            return Err(limits::invalid("cipher", "plugins are sealed with `aes-256-gcm`"));
        }
    }
    let iv = match &sealed.iv {
        Some(text) => {
            let mut iv = [0; 16];
            hex::decode_to_slice(text, &mut iv).map_err(|_| limits::invalid("iv", "it is 32 hex digits"))?;
            Some(iv)
        }
        None => None,
    };
    if iv.is_some() != cipher.has_outer_iv() {
        return Err(limits::invalid("iv", "`aes-256-cbc` has one beside the file, other ciphers have none"));
    }
    let envelope: ecdh::Envelope = serde_json::from_value(sealed.envelope.clone())
        .map_err(|error| limits::invalid("envelope", error))?;
    let plugin_id = ecdh::vault_plugin_id(plain);
    let dek = ecdh::unwrap(&envelope, &state.vault_secret, &plugin_id).map_err(|error| {
        Problem::new(422, error.code(), "The content key does not open")
            .detail(format!("{error}."))
            .hint("Wrap the content key for the key at /api/v1/vault-key.")
    })?;
    Ok((cipher, iv, dek))
}

async fn feed_limited(
    file: &mut (impl Stream<Item = Result<Bytes, MultipartError>> + Unpin),
    feed: Feed,
    limit: Limit,
    mut see: impl FnMut(&[u8]),
) -> Result<()> {
    let mut size = 0;
    while let Some(piece) = next_piece(file).await? {
        pass(points::UPLOAD_PIECE)?;
        size += piece.len() as u64;
        if size > limit.bytes {
            form::drain(file).await;
            return Err(limit.exceeded());
        }
        see(&piece);
        if !feed.send(piece).await {
            return Ok(());
        }
    }
    feed.end().await;
    Ok(())
}

async fn next_piece(
    file: &mut (impl Stream<Item = Result<Bytes, MultipartError>> + Unpin),
) -> Result<Option<Bytes>> {
    match tokio::time::timeout(PATIENCE, file.next()).await {
        Ok(piece) => piece.transpose().map_err(form::broken),
        Err(_) => Err(Problem::new(408, "upload_stalled", "The upload stands still")
            .detail("No byte came for a minute; nothing was kept.")
            .hint("Send it again.")
            .into()),
    }
}

fn stopped(stopped: Stopped) -> Fault {
    match stopped {
        Stopped::Refused(refusal) => Problem::new(422, refusal.code(), "The file is not printable G-code")
            .detail(format!("{refusal}."))
            .hint(refusal.hint())
            .into(),
        Stopped::NotWasm(refusal) => Problem::new(422, refusal.code(), "The file is no plugin")
            .detail(format!("{refusal}."))
            .hint(refusal.hint())
            .into(),
        Stopped::Plugin => Problem::new(422, "wasm_for_gcode", "The file is not printable G-code")
            .detail("It is WebAssembly, and this listing sells G-code.")
            .hint("Make a listing of kind `plugin` for it.")
            .into(),
        Stopped::Content(error) => Problem::new(422, error.code(), "The sealed file does not open")
            .detail(format!("{error}."))
            .hint("Seal the file again and send blob, IV and envelope that belong together.")
            .into(),
        Stopped::Broken => Fault::internal("a stream broke while a file was sealed"),
    }
}

/// How much is read of an upload, and who sets that.
#[derive(Clone, Copy)]
struct Limit {
    bytes: u64,
    by_operator: bool,
}

impl Limit {
    fn plain(state: &AppState, kind: ListingKind) -> Self {
        Self::new(state, kind, WHOLE_LIMIT as u64 - GCM_OVERHEAD)
    }

    fn sealed(state: &AppState, kind: ListingKind) -> Self {
        Self::new(state, kind, WHOLE_LIMIT as u64)
    }

    /// Plugins are sealed and opened whole, in memory.
    fn new(state: &AppState, kind: ListingKind, whole: u64) -> Self {
        let allowed = state.settings.get().upload_bytes;
        match kind {
            ListingKind::Plugin if whole < allowed => Self { bytes: whole, by_operator: false },
            _ => Self { bytes: allowed, by_operator: true },
        }
    }

    fn exceeded(self) -> Fault {
        let (whose, hint) = match self.by_operator {
            true => ("This store takes files of", "Ask the store's operator to raise `max_upload_bytes`."),
            false => ("A plugin has", "Leave out of the module what can be fetched at run time."),
        };
        Problem::new(413, "file_too_large", "The file is too large")
            .detail(format!("{whose} up to {} bytes.", self.bytes))
            .hint(hint)
            .into()
    }
}

impl Unowned {
    /// Notes a blob before it is written.
    pub(crate) async fn announce(state: &AppState, name: String) -> Result<Self> {
        pending::announce(state, &name).await?;
        let renewing = pending::renew(state, &name);
        Ok(Self { state: state.clone(), name, kept: false.into(), renewing })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The blob has an owner now; without this the database is asked.
    pub(crate) fn keep(&self) {
        self.kept.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

impl Drop for Unowned {
    fn drop(&mut self) {
        self.renewing.abort();
        if *self.kept.get_mut() {
            return;
        }
        let (state, name) = (self.state.clone(), std::mem::take(&mut self.name));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { pending::give_up(&state, &name).await });
        }
    }
}
