//! How fast files are sealed and opened, in MB of plaintext per CPU second: ours beside the bare age library.
//! CPU time, not wall time, so that a busy machine does not matter.
//!
//! `cargo run --release -p sealpost-envelope --example throughput`

use std::{
    io::{self, BufRead, Read, Write},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use sealpost_envelope::{ContentCipher, Dek, Opener, Sealer};

/// As much as AES-256-GCM takes.
const SIZE: usize = 64_000_000;
const STEP: usize = 1 << 20;
const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = system();
    let plain: Vec<u8> = (0..SIZE).map(|at| ((at * 31) >> 7) as u8).collect();
    let dek = Dek::generate(&mut rng);
    let mut out = io::stdout();

    for cipher in [ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm, ContentCipher::Age] {
        let mut sealer = Sealer::new(cipher, &dek, &mut rng, Vec::with_capacity(SIZE + STEP))?;
        sealer.write_all(&plain)?;
        let iv = sealer.iv();
        let blob = sealer.finish()?;

        let sealed = best(|| seal(Sealer::new(cipher, &dek, &mut system(), io::sink())?, &plain))?;
        writeln!(out, "{cipher} seal: {sealed:.0} MB/s")?;

        let opened = best(|| drain(Opener::new(cipher, &dek, iv, blob.as_slice())?))?;
        writeln!(out, "{cipher} open: {opened:.0} MB/s")?;
        if cipher == ContentCipher::Age {
            let bare = best(|| drain_bare_age(&dek, &blob))?;
            writeln!(out, "{cipher} open by the bare age library: {bare:.0} MB/s")?;
        }
    }
    Ok(())
}

fn system() -> rand_core::UnwrapErr<getrandom::SysRng> {
    rand_core::UnwrapErr(getrandom::SysRng)
}

fn seal(mut sealer: Sealer<io::Sink>, plain: &[u8]) -> io::Result<usize> {
    for step in plain.chunks(STEP) {
        sealer.write_all(step)?;
    }
    sealer.finish()?;
    Ok(plain.len())
}

fn drain(mut opener: impl BufRead) -> io::Result<usize> {
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

fn drain_bare_age(dek: &Dek, blob: &[u8]) -> io::Result<usize> {
    let prefix = bech32::Hrp::parse_unchecked("AGE-SECRET-KEY-");
    let text = bech32::encode_upper::<bech32::Bech32>(prefix, dek.expose()).map_err(io::Error::other)?;
    let identity: age::x25519::Identity = text.parse().map_err(io::Error::other)?;
    let decryptor = age::Decryptor::new_buffered(blob).map_err(io::Error::other)?;
    let mut reader = decryptor.decrypt(std::iter::once(&identity as _)).map_err(io::Error::other)?;
    let mut buffer = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(size),
            read => size += read,
        }
    }
}

fn best(run: impl Fn() -> io::Result<usize>) -> io::Result<f64> {
    let mut best = 0.0_f64;
    for _ in 0..RUNS {
        let started = cpu_time();
        if run()? != SIZE {
            return Err(io::Error::other("the plaintext has another size"));
        }
        best = best.max(rate(started));
    }
    Ok(best)
}

fn rate(started: Duration) -> f64 {
    SIZE as f64 / 1e6 / (cpu_time() - started).as_secs_f64()
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
