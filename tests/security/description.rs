//! What the description of the routes says is so: Schemathesis tries it out as each kind of caller.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use reqwest::{Method, StatusCode};
use sealpost_tests::person::Person;
use sealpost_tests::programs::root;
use serde_json::Value;

use crate::world::{LISTING, World};

/// Requests of each kind a route gets beside those at the limits of its parameters.
const EXAMPLES: &str = "4";

/// What can be limited.
const LIMITS: [&str; 15] = [
    "sign_in",
    "sign_in_account",
    "sign_in_address",
    "sign_up",
    "pairing_start",
    "pairing_question",
    "pairing_code",
    "challenge",
    "voucher",
    "purchase",
    "device",
    "upload",
    "job",
    "poll",
    "report",
];

/// What may be asked, and no generator finds the right question for, or is there in stores on a chain alone.
const NOT_FOUND_BY_CHANCE: [&str; 19] = [
    "/api/v1/chain",
    "/api/v1/licences/{id}/bundle",
    "/api/v1/pairings/{code}",
    "/api/v1/payments",
    "/api/v1/payments/{tx_hash}",
    "/api/v1/releases/{id}/blob",
    "/api/v1/releases/{id}/thumbnail",
    "/api/v1/chain/balances/{address}",
    "/api/v1/listings/{id}/offer",
    "/api/v1/listings/{id}/suspension",
    "/api/v1/pictures/{id}",
    "/api/v1/pictures/{id}/small",
    "/api/v1/publishers/{id}",
    "/api/v1/unsubscribe",
    "/api/v1/vouchers",
    "/api/v1/webhooks/{id}",
    "/api/v1/webhooks/{id}/deliveries",
    "/api/v1/webhooks/{id}/deliveries/{delivery}",
    "/ipfs/{cid}",
];

/// What only operators are answered well: nobody here is one.
const FOR_OPERATORS: [&str; 4] =
    ["/api/v1/invitations", "/api/v1/mails", "/api/v1/operator/", "/api/v1/people"];

/// Who tries it out.
struct Caller<'w> {
    token: &'w str,
    /// How the description names it.
    scheme: &'static str,
    /// A route that such a caller may ask.
    alive: &'static str,
}

/// Which routes are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tried {
    /// All but those that end the caller's own token, or never end.
    Most,
    /// Who may void all tokens voids their own.
    KeyRotation,
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_finds_the_description_wrong() -> Result<()> {
    let world = World::new(&config()).await?;
    try_out(&world, None, Tried::Most).await
}

#[tokio::test(flavor = "multi_thread")]
async fn people_do_not_find_the_description_wrong() -> Result<()> {
    let world = World::new(&config()).await?;
    try_out(&world, Some(&person(&world.buyer)), Tried::Most).await
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_do_not_find_the_description_wrong() -> Result<()> {
    let world = World::new(&config()).await?;
    let operator = person(&world.operator);
    try_out(&world, Some(&operator), Tried::Most).await?;
    try_out(&world, Some(&operator), Tried::KeyRotation).await
}

#[tokio::test(flavor = "multi_thread")]
async fn printers_do_not_find_the_description_wrong() -> Result<()> {
    let world = World::new(&config()).await?;
    let caller = Caller {
        token: &world.printer.token,
        scheme: "printer",
        alive: "/api/printer-agent/poll-print-queue",
    };
    try_out(&world, Some(&caller), Tried::Most).await
}

fn person(who: &Person) -> Caller<'_> {
    Caller { token: &who.token, scheme: "person", alive: "/api/v1/me" }
}

/// Nothing of it is held back, and no poll is held.
fn config() -> String {
    let limits = LIMITS.map(|name| format!("{name} = {{ burst = 1000000, every_ms = 1 }}\n"));
    format!("max_wait_s = 1\n[rate_limits]\n{}", limits.concat())
}

async fn try_out(world: &World, caller: Option<&Caller<'_>>, tried: Tried) -> Result<()> {
    let program = env::var_os("SEALPOST_TEST_SCHEMATHESIS")
        .context("Schemathesis is not known: run the suite by `cargo xtask test security`")?;
    let folder = tempfile::tempdir()?;
    let (settings, report) = (folder.path().join("schemathesis.toml"), folder.path().join("report.har"));
    fs::write(&settings, settings_with(world, caller)?)?;
    let mut command = Command::new(program);
    command.current_dir(folder.path()).env("NO_COLOR", "1").arg("--config-file").arg(&settings);
    command.arg("run").arg(format!("{}/api/openapi.json", world.store.url));
    command.args(["--checks", "all", "--phases", "examples,coverage,fuzzing", "--seed", "7"]);
    command.args(["--max-examples", EXAMPLES, "--request-timeout", "20", "--continue-on-failure"]);
    command.args(["--suppress-health-check", "all", "--no-color"]);
    command.args(["--report", "har", "--report-har-path"]).arg(&report);
    match tried {
        Tried::Most => {
            for path in ["/auth/logout", "/api/printer-agent/events", "/api/v1/keys/rotate"] {
                command.args(["--exclude-path", path]);
            }
            for name in ["DELETE /api/v1/me/sessions", "DELETE /api/v1/me/sessions/{id}"] {
                command.args(["--exclude-name", name]);
            }
        }
        Tried::KeyRotation => {
            command.args(["--include-path", "/api/v1/keys/rotate"]);
        }
    }
    if let Some(caller) = caller {
        command.arg("--header").arg(format!("Authorization: Bearer {}", caller.token));
    }
    let done = tokio::task::spawn_blocking(move || command.output()).await??;
    if !done.status.success() {
        bail!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    }
    let answered = answered(&report)?;
    if tried == Tried::KeyRotation {
        anyhow::ensure!(
            answered.iter().any(|(_, path)| path == "/api/v1/keys/rotate"),
            "nothing was rotated"
        );
        return Ok(());
    }
    if let Some(caller) = caller {
        // A run with a token that ended tries nothing but its refusal.
        let alive = world.request(Method::GET, caller.alive, caller.token)?.send().await?.status();
        anyhow::ensure!(alive == StatusCode::OK, "the caller's token ended on the way: {alive}");
    }
    let owns = owns(world, caller);
    let missed = missed(&world.store.openapi().await?, caller, owns, &answered);
    anyhow::ensure!(
        missed.is_empty(),
        "never answered well, so nothing is known of their answers: {missed:#?}"
    );
    Ok(())
}

/// Whether the job, the licence and the purchase of this world are the caller's.
fn owns(world: &World, caller: Option<&Caller<'_>>) -> bool {
    caller.is_some_and(|caller| caller.token == world.buyer.token)
}

/// The suite's settings, and ids that are there for routes that only read: by chance none is found.
fn settings_with(world: &World, caller: Option<&Caller<'_>>) -> Result<String> {
    let mut text = fs::read_to_string(Path::new(&root()).join("tests/security/schemathesis.toml"))?;
    let own = [
        ("/api/v1/jobs/{id}", "path.id", world.job.id.as_str()),
        ("/api/v1/licences/{id}", "path.id", &world.licence.id),
        ("/api/v1/purchases/{id}", "path.id", &world.licence.purchase),
    ];
    let open = [
        ("/api/v1/listings/{id}", "path.id", LISTING),
        ("/api/v1/releases/{id}", "path.id", world.release.as_str()),
        ("/api/print/download-gcode", "query.print_job_id", &world.job.id),
        ("/api/printer-agent/download-gcode", "query.print_job_id", &world.job.id),
    ];
    let owns = owns(world, caller);
    for (path, name, value) in open.into_iter().chain(own.into_iter().filter(|_| owns)) {
        write!(
            text,
            "\n[[operations]]\ninclude-name = \"GET {path}\"\nparameters = {{ \"{name}\" = \"{value}\" }}\n"
        )?;
    }
    Ok(text)
}

/// Methods and paths, without what stands behind a `?`, that were answered with success.
fn answered(report: &Path) -> Result<BTreeSet<(String, String)>> {
    let report: Value = serde_json::from_slice(&fs::read(report)?)?;
    let mut answered = BTreeSet::new();
    for entry in report["log"]["entries"].as_array().context("no entries")? {
        let status = entry["response"]["status"].as_u64().unwrap_or_default();
        if !(200..300).contains(&status) {
            continue;
        }
        let url = reqwest::Url::parse(entry["request"]["url"].as_str().context("no address")?)?;
        let method = entry["request"]["method"].as_str().context("no method")?.to_lowercase();
        answered.insert((method, url.path().to_owned()));
    }
    anyhow::ensure!(answered.len() > 1, "nothing was answered with success");
    Ok(answered)
}

/// Routes that only read, that this caller may ask, and that never answered with success.
fn missed(
    api: &Value,
    caller: Option<&Caller<'_>>,
    owns: bool,
    answered: &BTreeSet<(String, String)>,
) -> Vec<String> {
    let is = |template: &str, path: &str| {
        let (mut template, mut path) = (template.split('/'), path.split('/'));
        loop {
            match (template.next(), path.next()) {
                (None, None) => return true,
                (Some(one), Some(other)) if one == other || one.starts_with('{') => {}
                _ => return false,
            }
        }
    };
    let mut missed = Vec::new();
    for (path, item) in api["paths"].as_object().into_iter().flatten() {
        let Some(operation) = item.get("get") else { continue };
        let security = operation["security"].to_string();
        let may = match caller {
            Some(caller) => security.contains(caller.scheme) || security == "[]" || security == "null",
            None => security == "[]" || security == "null",
        };
        let others = path.contains('{') && security.contains("person") && !owns;
        let by_chance = NOT_FOUND_BY_CHANCE.contains(&path.as_str())
            || FOR_OPERATORS.iter().any(|beginning| path.starts_with(beginning))
            || path.ends_with("/events")
            || others;
        if may && !by_chance && !answered.iter().any(|(method, asked)| method == "get" && is(path, asked)) {
            missed.push(path.clone());
        }
    }
    missed
}
