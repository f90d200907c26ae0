//! `cargo xtask test`: the suites, each one `cargo test` with what it needs prepared.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::{cargo, check, root, target_folder};
use crate::stage::Stage;
use crate::{cluster, contracts, faults, fuzz, install, plugin, provision, web};

type Suite = fn(&[String]) -> Result<()>;

/// In the order of a full run: the quick ones first.
const SUITES: [(&str, Suite); 18] = [
    ("unit", unit),
    ("vectors", vectors),
    ("contract", contracts::suite),
    ("interop", interop),
    ("fuzz", fuzz::suite),
    ("store", store),
    ("chain", chain),
    ("printer", printer),
    ("lmnt", lmnt),
    ("faults", faults::suite),
    ("cluster", cluster::suite),
    ("install", install::suite),
    ("security", security),
    ("secrecy", secrecy),
    ("e2e", e2e),
    ("plugin", example_plugin),
    ("sdk", sdk),
    ("browser", browser),
];

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let Some((name, rest)) = arguments.split_first() else {
        for (_, suite) in SUITES {
            suite(&[])?;
        }
        return Ok(());
    };
    match SUITES.iter().find(|(known, _)| known == name) {
        Some((_, suite)) => suite(rest),
        None => bail!("there is no suite `{name}`: {}", SUITES.map(|(known, _)| known).join(", ")),
    }
}

/// Builds the programs that the suites start.
pub(crate) fn build_programs(profile: &[&str]) -> Result<()> {
    check(cargo().args(["build", "--package", "sealpost-cli", "--package", "sealpost-printer"]).args(profile))
}

/// A cargo with what the test kit asks for in its environment.
pub(crate) fn kit_cargo(python: &PathBuf) -> Command {
    let mut command = cargo();
    command.env("SEALPOST_TEST_PYTHON", python);
    command
}

fn unit(arguments: &[String]) -> Result<()> {
    let python = provision::python()?;
    check(cargo().args(["test", "--workspace", "--exclude", "sealpost-tests"]).args(pass_on(arguments)))?;
    for folder in ["klipper_host", "moonraker_component"] {
        let mut command = Command::new(&python);
        command.args(["-m", "unittest", "discover", "-s", folder, "-t", "."]);
        check(command.current_dir(root().join("tests")).env("MOONRAKER_PYTHON", &python))?;
    }
    Ok(())
}

fn vectors(arguments: &[String]) -> Result<()> {
    let test = ["test", "--package", "sealpost-tests", "--test", "vectors"];
    check(cargo().args(test).args(pass_on(arguments)))
}

fn interop(arguments: &[String]) -> Result<()> {
    let python = provision::python()?;
    provision::javascript()?;
    provision::age()?;
    build_programs(&[])?;
    check(&mut target(&python, "interop", arguments))
}

fn store(arguments: &[String]) -> Result<()> {
    let python = provision::python()?;
    let postgres = provision::postgres()?;
    build_programs(&[])?;
    check(target(&python, "store", arguments).env("SEALPOST_TEST_POSTGRES_BIN", postgres))
}

fn chain(arguments: &[String]) -> Result<()> {
    let postgres = provision::postgres()?;
    let contracts = provision::contracts()?;
    build_programs(&[])?;
    let mut test = cargo();
    test.args(["test", "--package", "sealpost-tests", "--test", "chain"]).args(pass_on(arguments));
    check(test.env("SEALPOST_TEST_POSTGRES_BIN", postgres).env("SEALPOST_TEST_ANVIL", contracts.anvil))
}

fn printer(arguments: &[String]) -> Result<()> {
    let python = provision::python()?;
    build_programs(&[])?;
    check(&mut target(&python, "printer", arguments))
}

/// The calls of the deployed LMNT plugin.
fn lmnt(arguments: &[String]) -> Result<()> {
    let python = provision::python()?;
    build_programs(&[])?;
    check(&mut target(&python, "lmnt", arguments))
}

fn security(arguments: &[String]) -> Result<()> {
    let python = provision::python()?;
    let postgres = provision::postgres()?;
    let schemathesis = provision::schemathesis()?;
    build_programs(&[])?;
    let mut test = target(&python, "security", arguments);
    test.env("SEALPOST_TEST_POSTGRES_BIN", postgres).env("SEALPOST_TEST_SCHEMATHESIS", schemathesis);
    check(&mut test)
}

/// Fails where it is not root, unless `SEALPOST_TEST_WITHOUT_ROOT=1` allows that; see `tests/secrecy/users.rs`.
fn secrecy(arguments: &[String]) -> Result<()> {
    let python = provision::python()?;
    build_programs(&[])?;
    let stage = Stage::open(&python)?;
    check(stage.tell(&mut target(&python, "secrecy", arguments)))
}

fn e2e(arguments: &[String]) -> Result<()> {
    let python = provision::python()?;
    build_programs(&[])?;
    check(&mut target(&python, "e2e", arguments))
}

/// The example plugin: by itself, and built for WebAssembly and run by the native host.
fn example_plugin(arguments: &[String]) -> Result<()> {
    plugin::test(arguments)?;
    let module = plugin::build()?;
    let mut test = cargo();
    test.args(["test", "--package", "sealpost-host", "--test", "example", "--", "--ignored"]);
    check(test.args(arguments).env("SEALPOST_PLUGIN", module))
}

/// The JavaScript packages by themselves, in Node and in Chromium.
fn sdk(arguments: &[String]) -> Result<()> {
    let chromium = provision::chromium()?;
    provision::npm("sdk", "what the JavaScript packages stand on")?;
    let folder = root().join("sdk");
    check(Command::new("npm").args(["run", "--silent", "check"]).current_dir(&folder))?;
    let mut test = Command::new("npm");
    test.args(["test", "--silent"]).args(pass_on(arguments)).current_dir(&folder).env("CHROMIUM", chromium);
    check(&mut test)
}

/// The built program and its shop in Chromium; ARGS are test files of `tests/browser`.
fn browser(arguments: &[String]) -> Result<()> {
    let parts = browser_parts(&[])?;
    provision::npm("tests/browser", "what drives the browser")?;
    let anvil = provision::contracts()?.anvil;
    let (mail, moonraker) = (provision::mail_python()?, provision::python()?);
    check(Command::new("npm").args(["run", "--silent", "check"]).current_dir(root().join("web")))?;
    let mut test = Command::new("node");
    test.args(["--test", "--test-concurrency=2", "--test-reporter=spec"]);
    let folder = root().join("tests/browser");
    // Node.js knows patterns from 21 on.
    if arguments.is_empty() {
        test.args(test_files(&folder)?)
    } else {
        test.args(arguments)
    };
    parts.tell(&mut test).env("SEALPOST_TEST_ANVIL", anvil).env("SEALPOST_TEST_MAIL_PYTHON", mail);
    test.env("SEALPOST_TEST_PYTHON", moonraker);
    check(test.current_dir(folder))
}

fn test_files(folder: &Path) -> Result<Vec<OsString>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} is missing", folder.display()))?;
    let names = entries.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>>>()?;
    let mut tests: Vec<_> =
        names.into_iter().filter(|name| name.to_string_lossy().ends_with(".test.mjs")).collect();
    tests.sort();
    Ok(tests)
}

/// What a test in a browser needs: the program with the shop in it, the example plugin, Chromium.
pub(crate) struct BrowserParts {
    chromium: PathBuf,
    plugin: PathBuf,
    program: PathBuf,
}

/// Prepares them; the shop is built before the program that embeds it.
pub(crate) fn browser_parts(profile: &[&str]) -> Result<BrowserParts> {
    let chromium = provision::chromium()?;
    web::build()?;
    let plugin = plugin::build()?;
    build_programs(profile)?;
    let folder = if profile.contains(&"--release") { "release" } else { "debug" };
    Ok(BrowserParts { chromium, plugin, program: target_folder().join(folder).join("sealpost") })
}

impl BrowserParts {
    /// Puts where they are into a command's environment.
    pub(crate) fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("CHROMIUM", &self.chromium)
            .env("SEALPOST_BIN", &self.program)
            .env("SEALPOST_PLUGIN", &self.plugin)
    }
}

fn target(python: &PathBuf, name: &str, arguments: &[String]) -> Command {
    let mut command = kit_cargo(python);
    command.args(["test", "--package", "sealpost-tests", "--test", name]).args(pass_on(arguments));
    command
}

fn pass_on(arguments: &[String]) -> Vec<String> {
    if arguments.is_empty() {
        return Vec::new();
    }
    std::iter::once("--".to_owned()).chain(arguments.iter().cloned()).collect()
}
