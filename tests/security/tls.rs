//! A store that speaks TLS by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use reqwest::{Certificate, Client};
use rustix::process::Signal;
use sealpost_tests::programs::{python, root};
use sealpost_tests::store::{Options, Store};

use crate::raw::{exchange, status};

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    /// A certificate and its key in `folder`; one that is there is replaced.
    fn write(folder: &Path, name: &str) -> Result<Self> {
        let files = Self { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
        let mut command = Command::new(python()?);
        command.arg(root().join("tests/security/certificate.py"));
        let made = command.arg(&files.certificate).arg(&files.key).arg(name).output()?;
        if !made.status.success() {
            bail!("no certificate was made: {}", String::from_utf8_lossy(&made.stderr));
        }
        Ok(files)
    }

    /// A client that trusts this certificate alone.
    fn client(&self) -> Result<Client> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let certificate = Certificate::from_pem(&fs::read(&self.certificate)?)?;
        Ok(Client::builder().no_proxy().tls_certs_only([certificate]).build()?)
    }
}

fn start(folder: &Path, files: &Files) -> Result<Store> {
    let config = format!(
        "tls_certificate = \"{}\"\ntls_key = \"{}\"\n",
        files.certificate.display(),
        files.key.display()
    );
    Store::start(folder, &Options { config, ..Options::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_a_certificate_speaks_tls_and_nothing_else() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let files = Files::write(folder.path(), "one")?;
    let store = start(folder.path(), &files)?;
    assert!(store.url.starts_with("https://"), "{}", store.url);
    let answer = files.client()?.get(format!("{}/ready", store.url)).send().await?;
    assert!(answer.status().is_success());
    let policy = answer.headers().get("strict-transport-security").context("no HSTS")?.to_str()?.to_owned();
    assert!(policy.starts_with("max-age="), "{policy}");

    let plain = exchange(&store.url, b"GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
    assert_ne!(status(&plain), 200, "it answers without TLS: {plain}");
    let stranger = tempfile::tempdir()?;
    let other = Files::write(stranger.path(), "other")?.client()?;
    assert!(other.get(format!("{}/ready", store.url)).send().await.is_err(), "another certificate was taken");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_at_sighup_and_a_broken_one_is_not() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let old = Files::write(folder.path(), "old")?;
    let store = start(folder.path(), &old)?;
    let ready = format!("{}/ready", store.url);
    let with_old = old.client()?;

    let new = Files::write(folder.path(), "new")?;
    store.service.signal(Signal::HUP)?;
    store.service.wait_for("the certificate was read anew")?;
    assert!(new.client()?.get(&ready).send().await?.status().is_success());
    assert!(with_old.get(&ready).send().await.is_err(), "the old certificate is still in use");

    let with_new = new.client()?;
    fs::write(&new.key, "nonsense")?;
    store.service.signal(Signal::HUP)?;
    store.service.wait_for("the certificate so far stays")?;
    assert!(with_new.get(&ready).send().await?.status().is_success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_does_not_start_with_a_key_of_another_certificate() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let files = Files::write(folder.path(), "one")?;
    let elsewhere = tempfile::tempdir()?;
    let other = Files::write(elsewhere.path(), "other")?;
    let refused =
        start(folder.path(), &Files { certificate: files.certificate, key: other.key }).unwrap_err();
    let refused = format!("{refused:#}");
    assert!(refused.contains("tls_key"), "{refused}");
    Ok(())
}
