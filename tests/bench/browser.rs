//! Opening a plugin in Chromium by the loader, beside what no loader gets around: WebCrypto's decryption and
//! `WebAssembly.compile` of as many bytes.
//!
//! Both take turns in one page, in alternating order, each on a module that no turn before has seen.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use sealpost_tests::programs::{built, root};
use serde::Deserialize;

use crate::row::{Better, Row};

/// Medians of one size, milliseconds.
#[derive(Deserialize)]
struct Told {
    megabytes: u32,
    ours: f64,
    reference: f64,
}

/// Every row of `browser`.
pub(crate) fn run() -> Result<Vec<Row>> {
    let mut node = Command::new("node");
    node.arg("bench.mjs").current_dir(root().join("tests/browser")).stderr(Stdio::inherit());
    let output =
        node.env("SEALPOST_BIN", built("sealpost")?).output().context("node could not be started")?;
    if !output.status.success() {
        bail!("the browser's half ended with {}", output.status);
    }
    String::from_utf8(output.stdout)?
        .lines()
        .map(|line| {
            let Told { megabytes, ours, reference } = serde_json::from_str(line)?;
            let row = match megabytes {
                1 => "plugin of 1 MB opened by the loader in Chromium",
                _ => "plugin of 10 MB opened by the loader in Chromium",
            };
            Ok(Row { row, ours, reference, unit: "ms", target: 1.15, better: Better::Less })
        })
        .collect()
}
