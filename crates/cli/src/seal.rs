//! Sealing on the publisher's side: the store gets ciphertext and a content key that only its vault can unwrap.
//!
//! The file is read twice, once for its hash and once to seal it while it is sent, so nothing is written to disk.

use std::{
    fs::File,
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use sealpost_api::catalogue::{SealedUpload, VaultKey};
use sealpost_envelope::{
    ContentCipher, Dek, Digest, Sealer, Sha256Reader,
    ecdh::{self, Curve, Recipient, vault_plugin_id},
};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use zeroize::Zeroizing;

use crate::failure::{Doing as _, Failure, Result};

/// Bytes sealed at a time.
const STEP: usize = 256 << 10;
/// Sealed pieces that wait to be sent.
const AHEAD: usize = 4;

/// The sealed bytes, while they are being made.
pub(crate) type Blob = Receiver<io::Result<Bytes>>;

/// A file with a content key of its own, ready to be sealed.
pub(crate) struct SealedFile {
    path: PathBuf,
    plain: Digest,
    upload: SealedUpload,
    sealer: Sealer<Outlet>,
    errors: Sender<io::Result<Bytes>>,
    blob: Blob,
}

impl SealedFile {
    /// Draws a content key for the file whose plaintext is `plain` and wraps it for the store's vault.
    pub(crate) fn new(path: &Path, plain: Digest, cipher: ContentCipher, vault: &VaultKey) -> Result<Self> {
        let mut rng = UnwrapErr(SysRng);
        let dek = Dek::generate(&mut rng);
        let envelope = ecdh::wrap(&dek, &recipient(vault)?, &vault_plugin_id(&plain), &mut rng)
            .map_err(|error| vault_key(error.to_string()))?;
        let (errors, blob) = channel(AHEAD);
        let sealer = Sealer::new(cipher, &dek, &mut rng, Outlet::new(errors.clone()))
            .doing("seal", "seal the file")?;
        let upload = SealedUpload {
            cipher: cipher.to_string(),
            iv: sealer.iv().map(hex::encode),
            envelope: serde_json::to_value(&envelope).doing("json", "write the envelope")?,
            plain_sha256: plain.hex(),
            plain_size: plain.size,
        };
        Ok(Self { path: path.to_owned(), plain, upload, sealer, errors, blob })
    }

    /// What the store is told before the blob.
    pub(crate) fn upload(&self) -> &SealedUpload {
        &self.upload
    }

    /// Seals on a thread of its own, no faster than the blob is taken. What goes wrong is the blob's last item.
    pub(crate) fn start(self) -> Blob {
        let Self { path, plain, sealer, errors, blob, .. } = self;
        tokio::task::spawn_blocking(move || {
            if let Err(error) = seal(&path, plain, sealer) {
                let _gone = errors.blocking_send(Err(error));
            }
        });
        blob
    }
}

/// The store's vault, as whom a content key is wrapped for.
pub(crate) fn recipient(vault: &VaultKey) -> Result<Recipient> {
    if vault.curve != "x25519" {
        return Err(vault_key(format!("its curve is {}", vault.curve)));
    }
    Recipient::from_hex(Curve::X25519, &vault.public_key).map_err(|error| vault_key(error.to_string()))
}

fn vault_key(why: String) -> Failure {
    Failure::new("vault_key", format!("the key of the store's vault cannot be used: {why}"))
}

fn seal(path: &Path, plain: Digest, mut sealer: Sealer<Outlet>) -> io::Result<()> {
    let mut file = Sha256Reader::new(File::open(path)?);
    let mut step = Zeroizing::new(vec![0; STEP]);
    loop {
        let read = file.read(&mut step)?;
        if read == 0 {
            break;
        }
        sealer.write_all(&step[..read])?;
    }
    // Without its end the blob does not open, so a file that changed under our hands is not published.
    if file.finish().1 != plain {
        return Err(io::Error::other("the file changed while it was sealed"));
    }
    sealer.finish().map_err(io::Error::other)?.flush()
}

/// Hands sealed bytes to whoever sends them, in large pieces.
struct Outlet {
    send: Sender<io::Result<Bytes>>,
    held: Vec<u8>,
}

impl Outlet {
    fn new(send: Sender<io::Result<Bytes>>) -> Self {
        Self { send, held: Vec::with_capacity(STEP) }
    }
}

impl Write for Outlet {
    fn write(&mut self, sealed: &[u8]) -> io::Result<usize> {
        if self.held.len() + sealed.len() > STEP {
            self.flush()?;
        }
        self.held.extend_from_slice(sealed);
        Ok(sealed.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.held, Vec::with_capacity(STEP));
        self.send.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use sealpost_envelope::{Opener, x25519};

    use super::*;

    fn vault(secret: &x25519::Secret) -> VaultKey {
        VaultKey { curve: "x25519".into(), public_key: hex::encode(secret.public()) }
    }

    async fn collect(mut blob: Blob) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(piece) = blob.recv().await {
            all.extend_from_slice(&piece?);
        }
        Ok(all)
    }

    #[tokio::test]
    async fn the_vault_and_nobody_else_opens_what_was_sealed() {
        let plain: Vec<u8> = (0..1_000_003_u32).map(|n| (n % 251) as u8).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part.gcode");
        std::fs::write(&path, &plain).unwrap();
        let secret = x25519::Secret::generate(&mut UnwrapErr(SysRng));

        for cipher in [ContentCipher::Age, ContentCipher::Aes256Cbc] {
            let digest = Digest::of(&plain);
            let sealed = SealedFile::new(&path, digest, cipher, &vault(&secret)).unwrap();
            let upload = sealed.upload().clone();
            let blob = collect(sealed.start()).await.unwrap();

            let envelope: ecdh::Envelope = serde_json::from_value(upload.envelope).unwrap();
            let dek = ecdh::unwrap(&envelope, &secret, &vault_plugin_id(&digest)).unwrap();
            let iv = upload.iv.map(|iv| hex::decode(iv).unwrap().try_into().unwrap());
            let mut opened = Vec::new();
            Opener::new(cipher, &dek, iv, blob.as_slice()).unwrap().read_to_end(&mut opened).unwrap();
            assert!(opened == plain, "{cipher}");
            let other = x25519::Secret::generate(&mut UnwrapErr(SysRng));
            assert!(ecdh::unwrap(&envelope, &other, &vault_plugin_id(&digest)).is_err());
        }
    }

    #[tokio::test]
    async fn a_file_that_changes_while_it_is_sealed_is_not_published() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part.gcode");
        std::fs::write(&path, b"G28\n").unwrap();
        let secret = x25519::Secret::generate(&mut UnwrapErr(SysRng));
        let sealed =
            SealedFile::new(&path, Digest::of(b"G29\n"), ContentCipher::Age, &vault(&secret)).unwrap();
        assert!(collect(sealed.start()).await.is_err());
    }
}
