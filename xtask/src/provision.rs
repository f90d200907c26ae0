//! What the tests need beside Rust: Debian's PostgreSQL and age, a Python environment with Moonraker, npm packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::plugin;
use crate::run::{check, root, say, succeeds};

const SLITHER: &str = "slither-analyzer==0.11.6";
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// Installs all of it.
pub(crate) fn everything() -> Result<()> {
    cpp_compiler()?;
    postgres()?;
    python()?;
    javascript()?;
    npm("web", "what builds the shop")?;
    npm("tests/browser", "what drives the browser")?;
    chromium()?;
    age()?;
    contracts()?;
    slither()?;
    schemathesis()?;
    packaging()?;
    plugin::provision()?;
    Ok(())
}

/// A C++ compiler, which libFuzzer is built with.
pub(crate) fn cpp_compiler() -> Result<()> {
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    if succeeds(Command::new(&compiler).arg("--version")) {
        return Ok(());
    }
    install("a C++ compiler", &["g++"])?;
    if !succeeds(Command::new(&compiler).arg("--version")) {
        bail!("`{}` does not run: set CXX to a C++ compiler", compiler.to_string_lossy());
    }
    Ok(())
}

/// The folder with PostgreSQL's programs, installed from Debian where it is missing.
pub(crate) fn postgres() -> Result<PathBuf> {
    if let Some(folder) = find_postgres() {
        return Ok(folder);
    }
    install("PostgreSQL", &["postgresql"])?;
    find_postgres().context("PostgreSQL was installed, but /usr/lib/postgresql/*/bin/postgres is not there")
}

/// The Python that has Moonraker and the test requirements, in an environment of the project's own.
pub(crate) fn python() -> Result<PathBuf> {
    // Moonraker signs its tokens by libsodium and loads it at run time.
    if !succeeds(Command::new("sh").args(["-c", "ls /usr/lib/*/libsodium.so.*"])) {
        install("libsodium", &["libsodium23"])?;
    }
    python_with("tests/requirements.txt", ".cache/python", "the tests (Moonraker and its parts)")
}

/// The Python that has the mail server of the browser suite.
pub(crate) fn mail_python() -> Result<PathBuf> {
    python_with("tests/browser/requirements.txt", ".cache/mail-python", "the browser suite (a mail server)")
}

fn python_with(requirements: &str, folder: &str, whose: &str) -> Result<PathBuf> {
    let requirements = root().join(requirements);
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("{} is missing", requirements.display()))?;
    let folder = root().join(folder);
    let python = folder.join("bin/python");
    let stamp = folder.join("installed-requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && python.exists() {
        return Ok(python);
    }

    if !succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"])) {
        install("Python's venv module", &["python3-venv"])?;
    }
    say(&format!("making the Python environment of {whose}"));
    check(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    check(Command::new(&python).args(pip).arg(&requirements))?;
    fs::write(&stamp, wanted)?;
    Ok(python)
}

/// The JavaScript peers of the interop suite, beside it; the project's own packages are one.
pub(crate) fn javascript() -> Result<()> {
    npm("sdk", "what the JavaScript packages stand on")?;
    npm("tests/interop", "the JavaScript peers of the interop suite")
}

/// The npm packages that the lock file in `folder` names.
pub(crate) fn npm(folder: &str, what: &str) -> Result<()> {
    let folder = root().join(folder);
    let lock = folder.join("package-lock.json");
    let wanted = fs::read_to_string(&lock).with_context(|| format!("{} is missing", lock.display()))?;
    // Of Debian's own releases bookworm's is too old, so it is not installed from there.
    let supported = "const [major, minor] = process.versions.node.split('.'); \
        process.exit(major > 20 || (major == 20 && minor >= 19) ? 0 : 1)";
    if !succeeds(Command::new("node").args(["-e", supported])) {
        bail!("Node.js 20.19 or newer is missing: install `node` with its `npm` (https://nodejs.org)");
    }
    let stamp = folder.join("node_modules/installed-package-lock.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    if !succeeds(Command::new("npm").arg("--version")) {
        bail!("npm is missing: install the one that belongs to `node` (https://nodejs.org)");
    }
    say(&format!("installing {what}"));
    check(Command::new("npm").arg("ci").current_dir(&folder))?;
    fs::write(&stamp, wanted)?;
    Ok(())
}

/// What compiles, tests and runs contracts.
pub(crate) struct Contracts {
    pub(crate) anvil: PathBuf,
    pub(crate) forge: PathBuf,
}

/// Foundry's programs, `FORGE` and `ANVIL` or those of npm, and the contracts' libraries.
pub(crate) fn contracts() -> Result<Contracts> {
    npm("contracts", "what compiles and tests the contracts")?;
    Ok(Contracts { anvil: foundry("ANVIL", "anvil")?, forge: foundry("FORGE", "forge")? })
}

fn foundry(variable: &str, name: &str) -> Result<PathBuf> {
    let installed = format!("contracts/node_modules/@foundry-rs/{name}-linux-amd64/bin/{name}");
    let program = std::env::var_os(variable).map_or_else(|| root().join(installed), PathBuf::from);
    if !succeeds(Command::new(&program).arg("--version")) {
        bail!("`{}` does not run: set {variable} to Foundry's {name} 1.7", program.display());
    }
    Ok(program)
}

/// The analyser of contracts, in a Python environment of its own: it shares no requirement with the tests.
pub(crate) fn slither() -> Result<PathBuf> {
    tool("slither", SLITHER, "the analyser of contracts")
}

/// What tries the description of the store's routes out, in a Python environment of its own as well.
pub(crate) fn schemathesis() -> Result<PathBuf> {
    tool("schemathesis", SCHEMATHESIS, "Schemathesis")
}

/// A program that comes as a Python package.
fn tool(name: &str, requirement: &str, what: &str) -> Result<PathBuf> {
    let folder = root().join(".cache").join(name);
    let program = folder.join("bin").join(name);
    let stamp = folder.join("installed-version.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == requirement) && program.exists() {
        return Ok(program);
    }
    if !succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"])) {
        install("Python's venv module", &["python3-venv"])?;
    }
    say(&format!("making the Python environment of {what}"));
    check(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement];
    check(Command::new(folder.join("bin/python")).args(pip))?;
    fs::write(&stamp, requirement)?;
    Ok(program)
}

/// The browser that runs the shop, `CHROMIUM` or Debian's.
pub(crate) fn chromium() -> Result<PathBuf> {
    let chromium =
        std::env::var_os("CHROMIUM").map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
    if !chromium.exists() {
        install("Chromium", &["chromium"])?;
    }
    if !succeeds(Command::new(&chromium).arg("--version")) {
        bail!("`{}` does not run: set CHROMIUM to a Chromium", chromium.display());
    }
    Ok(chromium)
}

/// The age program, a peer of the interop suite.
pub(crate) fn age() -> Result<()> {
    let runs = |program| succeeds(Command::new(program).arg("--version"));
    if !runs("age") || !runs("age-keygen") {
        install("age", &["age"])?;
    }
    Ok(())
}

/// What builds Debian packages and looks for mistakes in them.
pub(crate) fn packaging() -> Result<()> {
    let there = |program| succeeds(Command::new(program).arg("--version"));
    if !there("dpkg-shlibdeps") || !there("strip") {
        install("what builds packages", &["dpkg-dev", "binutils"])?;
    }
    if !there("lintian") || !there("strace") {
        install("what looks for mistakes in packages and programs", &["lintian", "strace"])?;
    }
    Ok(())
}

/// A small Debian with Python and systemd as an archive, for trees that tests may change.
pub(crate) fn debian() -> Result<PathBuf> {
    const WANTED: &str =
        "bookworm: python3 ca-certificates libsodium23 adduser systemd-sysv init-system-helpers procps\n";
    let folder = root().join(".cache/debian");
    let archive = folder.join("tree.tar");
    let stamp = folder.join("wanted.txt");
    if fs::read_to_string(&stamp).is_ok_and(|made| made == WANTED) && archive.exists() {
        return Ok(archive);
    }
    if !succeeds(Command::new("debootstrap").arg("--version")) {
        install("debootstrap", &["debootstrap"])?;
    }
    say("making a small Debian for the tests of installing");
    let (suite, packages) = WANTED.trim_end().split_once(": ").context("no suite")?;
    let tree = folder.join("tree");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let include = format!("--include={}", packages.replace(' ', ","));
    check(Command::new("debootstrap").args(["--variant=minbase", &include, suite]).arg(&tree))?;
    fs::remove_dir_all(tree.join("var/cache/apt/archives"))?;
    check(Command::new("tar").args(["--numeric-owner", "-C"]).arg(&tree).arg("-cf").arg(&archive).arg("."))?;
    fs::remove_dir_all(&tree)?;
    fs::write(&stamp, WANTED)?;
    Ok(archive)
}

fn find_postgres() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> =
        fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path()).collect();
    versions.sort();
    versions.into_iter().rev().map(|version| version.join("bin")).find(|bin| bin.join("postgres").exists())
}

/// Installs Debian packages as root, else through sudo, else says what to do.
pub(crate) fn install(what: &str, packages: &[&str]) -> Result<()> {
    let line = format!("apt-get install --no-install-recommends {}", packages.join(" "));
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("{what} is missing, and this is no Debian: install it by hand (on Debian: `{line}`)");
    }
    let sudo: &[&str] = if is_root() {
        &[]
    } else if succeeds(Command::new("sudo").args(["-n", "true"])) {
        &["sudo", "-n"]
    } else {
        bail!("{what} is missing and installing it needs root: run `sudo {line}`, then this again");
    };
    say(&format!("installing {what}"));
    let mut update: Vec<&str> = sudo.to_vec();
    update.extend(["apt-get", "update", "--quiet"]);
    let mut install: Vec<&str> = sudo.to_vec();
    install.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--quiet"]);
    install.push("--no-install-recommends");
    install.extend(packages);
    for words in [update, install] {
        check(Command::new(words[0]).args(&words[1..]))?;
    }
    Ok(())
}

pub(crate) fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}
