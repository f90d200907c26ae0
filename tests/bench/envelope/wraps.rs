//! `ecdh` wraps and unwraps on every curve.

use anyhow::{Context, Result, ensure};
use sealpost_envelope::Dek;
use sealpost_envelope::ecdh::{self, Backend, Curve, SecretKey};
use serde_json::{Map, Value, json};

use super::library::Peer;
use crate::measure;
use crate::row::{Better, Row};

pub(super) const CHILD: &str = "wraps";

const PLUGIN: &str = "com.publisher.my-plugin";
const TURNS: usize = 21;
/// Of one turn.
const SECONDS: f64 = 0.05;

/// An Ed25519 key is wrapped for by its X25519 counterpart, so X25519 is what it is held against.
const CURVES: [(Curve, &str, &str); 5] = [
    (Curve::X25519, "wraps on x25519", "unwraps on x25519"),
    (Curve::Ed25519, "wraps on ed25519 (beside x25519)", "unwraps on ed25519 (beside x25519)"),
    (Curve::P256, "wraps on p256", "unwraps on p256"),
    (Curve::P384, "wraps on p384", "unwraps on p384"),
    (Curve::Secp256k1, "wraps on secp256k1", "unwraps on secp256k1"),
];

pub(super) fn rows() -> Result<Vec<Row>> {
    let figures = measure::child(&[super::CHILD, CHILD], &Value::Null)?;
    let mut rows = Vec::new();
    for (curve, wraps, unwraps) in CURVES {
        for (row, name) in [(wraps, "wraps"), (unwraps, "unwraps")] {
            let figure = |at: usize| {
                figures[curve.as_str()][name][at].as_f64().with_context(|| format!("no {name} on {curve}"))
            };
            rows.push(Row {
                row,
                ours: figure(0)?,
                reference: figure(1)?,
                unit: "/s",
                target: 0.9,
                better: Better::More,
            });
        }
    }
    Ok(rows)
}

pub(super) fn child() -> Result<Value> {
    ensure!(Backend::IN_USE == Backend::Native, "this is not the server build");
    let mut figures = Map::new();
    for (curve, ..) in CURVES {
        let mut rng = sealpost_tests::random();
        let dek = Dek::generate(&mut rng);
        let secret = SecretKey::generate(curve, &mut rng);
        let recipient = secret.recipient();
        let reference = Peer::new(curve)?;

        let wraps = super::race(
            TURNS,
            SECONDS,
            || Ok(ecdh::wrap(&dek, &recipient, PLUGIN, &mut rng)?),
            || reference.wrap(dek.expose(), PLUGIN),
        )?;
        let envelope = ecdh::wrap(&dek, &recipient, PLUGIN, &mut sealpost_tests::random())?;
        ensure!(ecdh::unwrap(&envelope, &secret, PLUGIN)? == dek, "another key came out");
        let theirs = reference.wrap(dek.expose(), PLUGIN)?;
        ensure!(reference.unwrap(&theirs, PLUGIN)? == *dek.expose(), "another key came out of the reference");
        let unwraps = super::race(
            TURNS,
            SECONDS,
            || Ok(ecdh::unwrap(&envelope, &secret, PLUGIN)?),
            || reference.unwrap(&theirs, PLUGIN),
        )?;
        figures.insert(
            curve.to_string(),
            json!({"wraps": [wraps.0, wraps.1], "unwraps": [unwraps.0, unwraps.1]}),
        );
    }
    Ok(Value::Object(figures))
}
