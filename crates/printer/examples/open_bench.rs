//! How fast a sealed blob becomes a sealed memfd: `open_bench [MEGABYTES]`.

use std::{
    io::{Cursor, Write},
    time::Instant,
};

use anyhow::Result;
use sealpost_envelope::{ContentCipher, Dek, Digest, JobManifest, Sealer};
use sealpost_gcode::Limits;
use sealpost_printer::{machine::rng, opening::open_blob};

fn main() -> Result<()> {
    let megabytes: usize = std::env::args().nth(1).map_or(Ok(100), |text| text.parse())?;
    let mut plain = Vec::with_capacity(megabytes * 1_000_000 + 64);
    let mut step = 0_u32;
    while plain.len() < megabytes * 1_000_000 {
        step = step.wrapping_add(1);
        writeln!(
            plain,
            "G1 X{}.{:03} Y{}.{:03} E0.{:05}",
            step % 180,
            step % 997,
            step % 170,
            step % 991,
            step % 89_989
        )?;
    }
    for cipher in [ContentCipher::Aes256Cbc, ContentCipher::Age] {
        let dek = Dek::generate(&mut rng());
        let mut sealer = Sealer::new(cipher, &dek, &mut rng(), Vec::with_capacity(plain.len() + 65_536))?;
        sealer.write_all(&plain)?;
        let iv = sealer.iv();
        let blob = sealer.finish()?;
        let (sealed, opened) = (Digest::of(&blob), Digest::of(&plain));
        let manifest = JobManifest {
            iss: String::new(),
            aud: String::new(),
            job: String::new(),
            listing: String::new(),
            release: String::new(),
            nonce: String::new(),
            cipher,
            iv,
            blob_sha256: sealed.sha256,
            blob_size: sealed.size,
            key_sha256: [0; 32],
            plain_sha256: opened.sha256,
            plain_size: opened.size,
            iat: 0,
            exp: 0,
        };
        let begin = Instant::now();
        let file = open_blob(Cursor::new(&blob), &sealed, &manifest, &dek, &Limits::default())?;
        writeln!(
            std::io::stdout(),
            "{cipher}: {} bytes in {:?}: opening {:?}, hash {:?}, limit check {:?}",
            file.file.size(),
            begin.elapsed(),
            file.times.open,
            file.times.hash,
            file.times.scan,
        )?;
    }
    Ok(())
}
