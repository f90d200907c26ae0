//! TLS by a certificate and a key in files, which are read anew when they change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
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
    seen: Mutex<Stamp>,
}

type Stamp = [Option<(SystemTime, u64)>; 2];

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
            seen: Mutex::new(seen),
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
        let files = &self.files;
        let seen = stamp(&files.certificate, &files.key);
        let fresh = read(&files.certificate, &files.key, &files.provider)?;
        *files.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        *files.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Ok(())
    }

    /// Renews it when the files are others than before. Both change one after the other: what does not fit yet is tried again.
    pub(super) fn renew_if_changed(&self) {
        let now = stamp(&self.files.certificate, &self.files.key);
        if *self.files.seen.lock().unwrap_or_else(PoisonError::into_inner) == now {
            return;
        }
        match self.renew() {
            Ok(()) => tracing::info!("the certificate was renewed"),
            Err(error) => tracing::warn!(%error, "the new certificate cannot be used; the old one stays"),
        }
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.clone())
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
