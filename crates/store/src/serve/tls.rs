//! TLS by a certificate and a key in files, which are read anew when they change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::Error;

/// How often the files are looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(30);

/// A store's certificate. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Certificate {
    files: Arc<Files>,
    config: Arc<ServerConfig>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
    seen: Mutex<Seen>,
}

type Stamp = [Option<(SystemTime, u64)>; 2];

/// Which files were read.
#[derive(Debug)]
struct Seen {
    used: Stamp,
    /// The last that could not be used.
    refused: Option<Stamp>,
}

impl Certificate {
    /// Reads both files.
    ///
    /// # Errors
    /// Files that cannot be read, hold nothing, or do not belong to each other.
    pub(crate) fn open(certificate: &Path, key: &Path) -> Result<Self, Error> {
        let provider = Arc::new(default_provider());
        let seen = stamp(certificate, key);
        let current = read(certificate, key, &provider)?;
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Config { setting: "tls_certificate", reason: error.to_string() })?;
        let files = Arc::new(Files {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            provider,
            current: RwLock::new(current),
            seen: Mutex::new(Seen { used: seen, refused: None }),
        });
        let mut config = builder.with_no_client_auth().with_cert_resolver(files.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { files, config: Arc::new(config) })
    }

    /// Reads the files anew. Where they cannot be used, the certificate so far stays.
    ///
    /// # Errors
    /// As when the store was opened.
    pub fn renew(&self) -> Result<(), Error> {
        self.renew_to(stamp(&self.files.certificate, &self.files.key))
    }

    /// Renews it when the files are others than before. Both change one after the other, and rights are mended without a
    /// trace here: what does not fit yet is tried again, and told once.
    pub(super) fn renew_if_changed(&self) {
        let now = stamp(&self.files.certificate, &self.files.key);
        let Some(told) = self.seen().looks_new(now) else { return };
        match self.renew_to(now) {
            Ok(()) => tracing::info!("the certificate was renewed"),
            Err(error) if told => tracing::debug!(%error, "the new certificate still cannot be used"),
            Err(error) => tracing::warn!(%error, "the new certificate cannot be used; the old one stays"),
        }
    }

    fn renew_to(&self, now: Stamp) -> Result<(), Error> {
        let files = &self.files;
        let fresh = read(&files.certificate, &files.key, &files.provider)
            .inspect_err(|_| self.seen().refused = Some(now))?;
        *files.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        *self.seen() = Seen { used: now, refused: None };
        Ok(())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.files.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.clone())
    }
}

impl Seen {
    /// Whether files that look like this are worth a try, and if so, whether it was told already that they cannot be used.
    fn looks_new(&self, now: Stamp) -> Option<bool> {
        (now != self.used).then(|| self.refused == Some(now))
    }
}

impl ResolvesServerCert for Files {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn read(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, Error> {
    let wrong = |setting, path: &Path, error: &dyn std::fmt::Display| Error::Config {
        setting,
        reason: format!("{} cannot be used: {error}", path.display()),
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(|chain| chain.collect::<Result<Vec<_>, _>>())
        .map_err(|error| wrong("tls_certificate", certificate, &error))?;
    if chain.is_empty() {
        return Err(wrong("tls_certificate", certificate, &"there is no certificate in it"));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong("tls_key", key, &error))?;
    let signed = CertifiedKey::from_der(chain, secret, provider);
    signed.map(Arc::new).map_err(|error| wrong("tls_key", key, &error))
}

fn stamp(certificate: &Path, key: &Path) -> Stamp {
    [certificate, key].map(|path| {
        let data = fs::metadata(path).ok()?;
        Some((data.modified().ok()?, data.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISSING: Stamp = [None, None];

    fn at(bytes: u64) -> Stamp {
        [Some((SystemTime::UNIX_EPOCH, bytes)), None]
    }

    #[test]
    fn files_that_cannot_be_used_are_tried_again_and_told_once_for_each_change() {
        let mut seen = Seen { used: at(1), refused: None };
        assert_eq!(seen.looks_new(at(1)), None);
        assert_eq!(seen.looks_new(at(2)), Some(false));
        seen.refused = Some(at(2));
        assert_eq!(seen.looks_new(at(2)), Some(true));
        assert_eq!(seen.looks_new(at(3)), Some(false));
        assert_eq!(seen.looks_new(MISSING), Some(false));
        assert_eq!(seen.looks_new(at(1)), None, "what is in use was put back");
    }
}
