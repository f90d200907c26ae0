//! What the description of the routes says is so: Schemathesis tries it out as each kind of caller.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use sealpost_tests::programs::root;

use crate::world::World;

/// Requests of each kind a route gets beside those at the limits of its parameters.
const EXAMPLES: &str = "6";

/// Nothing of it is held back, and no poll is held.
const CONFIG: &str = "max_wait_s = 1\n[rate_limits]\n\
    sign_in = { burst = 100000, every_ms = 1 }\n\
    sign_in_address = { burst = 100000, every_ms = 1 }\n\
    sign_up = { burst = 100000, every_ms = 1 }\n\
    pairing_start = { burst = 100000, every_ms = 1 }\n\
    pairing_code = { burst = 100000, every_ms = 1 }\n\
    voucher = { burst = 100000, every_ms = 1 }\n";

#[tokio::test(flavor = "multi_thread")]
async fn nobody_finds_the_description_wrong() -> Result<()> {
    let world = World::new(CONFIG).await?;
    try_out(&world, "", &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn people_do_not_find_the_description_wrong() -> Result<()> {
    let world = World::new(CONFIG).await?;
    try_out(&world, &world.seller.token, &[]).await?;
    // Who may void all tokens voids their own.
    try_out(&world, &world.operator.token, &["/api/v1/keys/rotate"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn printers_do_not_find_the_description_wrong() -> Result<()> {
    let world = World::new(CONFIG).await?;
    try_out(&world, &world.printer.token, &[]).await
}

async fn try_out(world: &World, token: &str, without: &[&str]) -> Result<()> {
    let program = env::var_os("SEALPOST_TEST_SCHEMATHESIS")
        .context("Schemathesis is not known: run the suite by `cargo xtask test security`")?;
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(program);
    command.current_dir(folder.path()).env("NO_COLOR", "1");
    command.arg("--config-file").arg(Path::new(&root()).join("tests/security/schemathesis.toml"));
    command.arg("run").arg(format!("{}/api/openapi.json", world.store.url));
    command.args(["--checks", "all", "--phases", "examples,coverage,fuzzing", "--seed", "7"]);
    command.args(["--max-examples", EXAMPLES, "--request-timeout", "20", "--continue-on-failure"]);
    command.args(["--suppress-health-check", "all", "--no-color"]);
    // The one ends the token that everything is asked with, the other never ends.
    for path in ["/auth/logout", "/api/printer-agent/events"].iter().chain(without) {
        command.args(["--exclude-path", path]);
    }
    if !token.is_empty() {
        command.arg("--header").arg(format!("Authorization: Bearer {token}"));
    }
    let done = tokio::task::spawn_blocking(move || command.output()).await??;
    if !done.status.success() {
        bail!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    }
    Ok(())
}
