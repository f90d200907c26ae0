//! 100 MB sealed and opened in memory by each content cipher, 64 MB by AES-256-GCM, which takes no more.

use std::io::{self, BufRead, Read, Write};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sealpost_envelope::content::age_identity;
use sealpost_envelope::{ContentCipher, Dek, Opener, Sealer};
use sealpost_tests::programs::{python, root};
use serde_json::{Value, json};

use crate::measure::{self, cpu_seconds, median};
use crate::row::{Better, Row};

pub(super) const CHILD: &str = "content";

const STEP: usize = 1 << 20;
const RUNS: usize = 7;

pub(super) fn rows() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (cipher, names) in [
        (
            ContentCipher::Aes256Cbc,
            ["seal 100 MB aes-256-cbc (OpenSSL)", "open 100 MB aes-256-cbc (OpenSSL)"],
        ),
        (ContentCipher::Aes256Gcm, ["seal 64 MB aes-256-gcm (OpenSSL)", "open 64 MB aes-256-gcm (OpenSSL)"]),
        (ContentCipher::Age, ["seal 100 MB age (the age crate)", "open 100 MB age (the age crate)"]),
    ] {
        let mut rates: [Vec<f64>; 4] = Default::default();
        for _ in 0..RUNS {
            let ours = measure::child(&[super::CHILD, CHILD, cipher.as_str()], &Value::Null)?;
            let reference = if cipher == ContentCipher::Age { ours.clone() } else { openssl(cipher)? };
            let (seal, open) = match cipher {
                ContentCipher::Age => ("bare_seal", "bare_open"),
                _ => ("seal", "open"),
            };
            let figures = [(&ours, "seal"), (&reference, seal), (&ours, "open"), (&reference, open)];
            for (rates, (figures, name)) in rates.iter_mut().zip(figures) {
                rates.push(figures[name].as_f64().with_context(|| format!("no {name} of {cipher}"))?);
            }
        }
        let [seal, bare_seal, open, bare_open] = rates.map(median);
        for (row, ours, reference) in [(names[0], seal, bare_seal), (names[1], open, bare_open)] {
            rows.push(Row { row, ours, reference, unit: "MB/s", target: 1.0, better: Better::More });
        }
    }
    Ok(rows)
}

/// Megabytes a second of processor time, sealing and opening.
pub(super) fn child(cipher: &str) -> Result<Value> {
    let cipher: ContentCipher = cipher.parse()?;
    let plain = vec![b'G'; size(cipher)];
    let dek = Dek::generate(&mut sealpost_tests::random());
    let mut blob = Vec::with_capacity(plain.len() + plain.len() / 1000);
    let mut sealing = sealer(cipher, &dek, &mut blob)?;
    let iv = sealing.iv();
    sealing.write_all(&plain)?;
    sealing.finish()?;

    let mut figures = json!({
        "seal": rate(plain.len(), || {
            let mut sealing = sealer(cipher, &dek, io::sink())?;
            for step in plain.chunks(STEP) {
                sealing.write_all(step)?;
            }
            sealing.finish()?;
            Ok(plain.len())
        })?,
        "open": rate(plain.len(), || drain(Opener::new(cipher, &dek, iv, blob.as_slice())?))?,
    });
    if cipher == ContentCipher::Age {
        let identity = identity(&dek)?;
        figures["bare_seal"] = rate(plain.len(), || bare_seal(&identity, &plain))?.into();
        figures["bare_open"] = rate(plain.len(), || bare_open(&identity, &blob))?.into();
    }
    Ok(figures)
}

fn size(cipher: ContentCipher) -> usize {
    if cipher == ContentCipher::Aes256Gcm { 64_000_000 } else { 100_000_000 }
}

fn sealer<W: Write>(cipher: ContentCipher, dek: &Dek, sealed: W) -> Result<Sealer<W>> {
    Ok(Sealer::new(cipher, dek, &mut sealpost_tests::random(), sealed)?)
}

/// Reads everything without copying it.
fn drain(mut opener: impl BufRead) -> Result<usize> {
    let mut size = 0;
    loop {
        let plain = opener.fill_buf()?.len();
        if plain == 0 {
            return Ok(size);
        }
        size += plain;
        opener.consume(plain);
    }
}

/// OpenSSL in a process of its own.
fn openssl(cipher: ContentCipher) -> Result<Value> {
    let work = json!({"cipher": cipher.as_str(), "size": size(cipher), "step": STEP});
    measure::figures(Command::new(python()?).arg(root().join("tests/bench/openssl.py")), &work)
}

fn identity(dek: &Dek) -> Result<age::x25519::Identity> {
    age_identity(dek)?.parse().map_err(anyhow::Error::msg)
}

fn bare_seal(identity: &age::x25519::Identity, plain: &[u8]) -> Result<usize> {
    let recipient = identity.to_public();
    let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))?;
    let mut sealing = encryptor.wrap_output(io::sink())?;
    for step in plain.chunks(STEP) {
        sealing.write_all(step)?;
    }
    sealing.finish()?;
    Ok(plain.len())
}

fn bare_open(identity: &age::x25519::Identity, blob: &[u8]) -> Result<usize> {
    let decryptor = age::Decryptor::new_buffered(blob)?;
    let mut plain = decryptor.decrypt(std::iter::once(identity as &dyn age::Identity))?;
    let mut buffer = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        match plain.read(&mut buffer)? {
            0 => return Ok(size),
            read => size += read,
        }
    }
}

/// Megabytes a second of processor time: the better of two, since the first finds memory it has not touched.
fn rate(size: usize, mut work: impl FnMut() -> Result<usize>) -> Result<f64> {
    let mut best = 0.0_f64;
    for _ in 0..2 {
        let began = cpu_seconds();
        ensure!(work()? == size, "another size came out");
        best = best.max(size as f64 / 1e6 / (cpu_seconds() - began));
    }
    Ok(best)
}
