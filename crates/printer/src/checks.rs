//! What `sealpost-printer check` looks at: one line each, with what to do.

mod file;

use std::{path::Path, sync::Arc, time::Duration};

use sealpost_api::Problem;
use sealpost_envelope::{ContentCipher, Dek, Digest, JobManifest, Sealer, manifest, nacl_box};
use sealpost_gcode::Limits;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    handover::{Handover, PeerRules, find},
    machine::{Identity, rng, swaps_to_disk},
    moonraker::Moonraker,
    opening::{open_blob, open_package},
    settings::Settings,
    state::StoredToken,
    store::{Store, into_problem},
};

pub use file::{FileCheck, check_file};

/// What is looked at.
#[derive(Debug)]
pub struct Context {
    /// Settings in use.
    pub settings: Settings,
    /// The connection to Moonraker.
    pub moonraker: Moonraker,
    /// The store, where paired.
    pub store: Option<Store>,
    /// The token.
    pub token: Option<StoredToken>,
    /// The identity key.
    pub identity: Option<Arc<Identity>>,
    /// The printer's id.
    pub printer_id: Option<String>,
    /// Unix seconds.
    pub now: u64,
}

/// One line.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// `ok`, `warning` or `failed`.
    pub state: String,
    /// What was found.
    pub detail: String,
    /// What to do; empty where nothing is.
    pub hint: String,
}

/// Looks at everything. A token that was renewed on the way is handed back for keeping.
pub async fn run(context: Context) -> (Vec<Check>, Option<StoredToken>) {
    let mut checks = Vec::new();
    checks.push(match &context.identity {
        Some(_) => ok("identity", "the identity key is there"),
        None => failed("identity", "there is no identity key", "Run `sealpost-printer pair`."),
    });
    checks.push(match (&context.store, &context.printer_id) {
        (Some(store), Some(id)) => {
            ok("pairing", format!("paired with {} as {id}", store.base().as_str().trim_end_matches('/')))
        }
        _ => failed("pairing", "this printer belongs to no store", "Run `sealpost-printer pair`."),
    });
    let token = login(&context, &mut checks).await;
    checks.push(decrypt(context.identity.as_deref()).await);
    klipper(&context, &mut checks).await;
    if swaps_to_disk() {
        checks.push(Check {
            name: "swap".to_owned(),
            state: "warning".to_owned(),
            detail: "memory can be swapped to a disk, and opened files with it".to_owned(),
            hint: "Use zram instead, or run `swapoff -a`.".to_owned(),
        });
    }
    (checks, token)
}

async fn login(context: &Context, checks: &mut Vec<Check>) -> Option<StoredToken> {
    let (Some(store), Some(token)) = (&context.store, &context.token) else { return None };
    let polled = store.poll(&token.token).await;
    checks.push(match polled {
        Ok(poll) => {
            let jobs = match poll.jobs.len() {
                1 => "1 job waits".to_owned(),
                count => format!("{count} jobs wait"),
            };
            ok("login", format!("the store takes the token; {jobs}"))
        }
        Err(trouble) => of("login", &into_problem(trouble)),
    });
    match store.refresh(&token.token, context.now).await {
        Ok(token) => {
            checks.push(ok("refresh", "the store renewed the token"));
            Some(token)
        }
        Err(trouble) => {
            checks.push(of("refresh", &into_problem(trouble)));
            None
        }
    }
}

/// Seals a small file to this printer's own key and opens it as a job would be.
async fn decrypt(identity: Option<&Identity>) -> Check {
    let Some(identity) = identity else {
        return failed(
            "decrypt",
            "nothing can be opened without the identity key",
            "Run `sealpost-printer pair`.",
        );
    };
    for cipher in [ContentCipher::Age, ContentCipher::Aes256Cbc] {
        if let Err(detail) = round_trip(cipher, identity) {
            return failed("decrypt", detail, "Report this: the agent cannot open files on this machine.");
        }
        tokio::task::yield_now().await;
    }
    ok("decrypt", "a test file was sealed, opened into sealed memory and compared (age, aes-256-cbc)")
}

fn round_trip(cipher: ContentCipher, identity: &Identity) -> Result<(), String> {
    const PLAIN: &[u8] = b"; a test\nG28\nM117 not printed\n";
    let text = |error: &dyn std::fmt::Display| format!("{cipher}: {error}");
    let dek = Dek::generate(&mut rng());
    let mut sealer = Sealer::new(cipher, &dek, &mut rng(), Vec::new()).map_err(|error| text(&error))?;
    std::io::Write::write_all(&mut sealer, PLAIN).map_err(|error| text(&error))?;
    let iv = sealer.iv();
    let blob = sealer.finish().map_err(|error| text(&error))?;
    let package =
        nacl_box::wrap(&dek, &identity.secret().public(), &mut rng()).map_err(|error| text(&error))?;
    let (digest, plain) = (Digest::of(&blob), Digest::of(PLAIN));
    let manifest = JobManifest {
        iss: String::new(),
        aud: String::new(),
        job: "check".to_owned(),
        listing: String::new(),
        release: String::new(),
        nonce: String::new(),
        cipher,
        iv,
        blob_sha256: digest.sha256,
        blob_size: digest.size,
        key_sha256: manifest::package_hash(&package),
        plain_sha256: plain.sha256,
        plain_size: plain.size,
        iat: 0,
        exp: 0,
    };
    let dek = open_package(&package, &manifest, identity.secret()).map_err(|error| text(&error))?;
    open_blob(blob.as_slice(), &digest, &manifest, &dek, &Limits::default()).map_err(|error| text(&error))?;
    Ok(())
}

async fn klipper(context: &Context, checks: &mut Vec<Check>) {
    let info = context.moonraker.call("server.info", Value::Null, Duration::from_secs(10)).await;
    match &info {
        Ok(info) => {
            let version = info["moonraker_version"].as_str().unwrap_or("?");
            checks.push(ok("moonraker", format!("reached, version {version}")));
            let state = info["klippy_state"].as_str().unwrap_or("?");
            checks.push(match state {
                "ready" => ok("klipper", "ready"),
                _ => failed(
                    "klipper",
                    format!("Klipper is in state `{state}`"),
                    "Look into klippy.log; jobs wait until it is ready.",
                ),
            });
        }
        Err(error) => checks.push(of("moonraker", &error.problem())),
    }
    match find(&context.moonraker, &context.settings).await {
        Ok((socket, rules)) => {
            let looked = tokio::task::spawn_blocking(move || extra(&socket, &rules)).await;
            checks.push(looked.unwrap_or_else(|_| failed("extra", "could not be looked at", "")));
        }
        Err(problem) => checks.push(of("extra", &problem)),
    }
}

fn extra(socket: &Path, rules: &PeerRules) -> Check {
    let looked = Handover::connect(socket, rules).and_then(|mut extra| {
        let status = extra.status()?;
        Ok((extra.greeting().clone(), *extra.peer(), status))
    });
    match looked {
        Ok((greeting, peer, _)) if peer.reduced => Check {
            name: "extra".to_owned(),
            state: "warning".to_owned(),
            detail: format!(
                "version {}, but Klipper's memory can be read by others of its user (reduced)",
                greeting.version
            ),
            hint: "Update Klipper's extra, or keep `allow_reduced` knowingly.".to_owned(),
        },
        Ok((greeting, _, status)) => ok(
            "extra",
            format!("version {}, reads by {}, {}", greeting.version, greeting.reader, status.state),
        ),
        Err(problem) => of("extra", &problem),
    }
}

fn ok(name: &str, detail: impl Into<String>) -> Check {
    Check { name: name.to_owned(), state: "ok".to_owned(), detail: detail.into(), hint: String::new() }
}

fn failed(name: &str, detail: impl Into<String>, hint: &str) -> Check {
    Check { name: name.to_owned(), state: "failed".to_owned(), detail: detail.into(), hint: hint.to_owned() }
}

fn of(name: &str, problem: &Problem) -> Check {
    failed(name, problem.to_string(), &problem.hint)
}
