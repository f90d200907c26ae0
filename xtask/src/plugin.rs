//! `cargo xtask plugin`: the example plugin, built for WebAssembly.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::provision;
use crate::run::{cargo, check, root, say, succeeds, target_folder};

const NAME: &str = "gcode-insight";
const TARGET: &str = "wasm32-unknown-unknown";

/// What compiles for the target.
enum Compiler {
    /// The one that builds the project: it has the target's standard library.
    Usual,
    /// Debian's Rust for browsers. It has no such library, but its sources.
    Debian { linker: PathBuf },
}

/// Builds the plugin where its sources changed, and says where it lies, its manifest beside it.
pub(crate) fn build() -> Result<PathBuf> {
    let source = source();
    let folder = target_folder().join("plugins");
    let plugin = folder.join(NAME).with_extension("wasm");
    module(&source, NAME, &plugin)?;
    replace(&source.join("manifest.json"), &folder.join(format!("{NAME}.manifest.json")))?;
    Ok(plugin)
}

/// Builds a package for WebAssembly, and lays its module at `to` where that is another one.
pub(crate) fn module(source: &Path, name: &str, to: &Path) -> Result<()> {
    let work = target_folder().join("plugins/build");
    let mut command = compiler()?.cargo()?;
    command
        .args(["build", "--release", "--locked", "--quiet", "--lib", "--target", TARGET, "--config"])
        .arg(unnamed_places())
        .arg("--manifest-path")
        .arg(source.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&work)
        // The flags of the outer build are for this machine.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    check(&mut command)?;
    let built = work.join(TARGET).join("release").join(name.replace('-', "_")).with_extension("wasm");
    replace(&built, to)
}

/// Its own tests, on this machine.
pub(crate) fn test(arguments: &[String]) -> Result<()> {
    for source in sources() {
        check(on_this_machine("test", &source).args(["--locked", "--"]).args(arguments))?;
    }
    Ok(())
}

/// Its formatting and lints.
pub(crate) fn lint() -> Result<()> {
    for source in sources() {
        check(cargo().args(["fmt", "--check", "--manifest-path"]).arg(source.join("Cargo.toml")))?;
        let mut clippy = on_this_machine("clippy", &source);
        check(clippy.args(["--all-targets", "--locked", "--", "-D", "warnings"]))?;
    }
    Ok(())
}

/// `cargo xtask plugin`
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if let Some(unknown) = arguments.first() {
        bail!("`cargo xtask plugin` takes no `{unknown}`");
    }
    let plugin = build()?;
    let size = fs::metadata(&plugin)?.len();
    say(&format!("{} ({size} bytes)", plugin.display()));
    Ok(())
}

/// Makes sure that there is a compiler for the target.
pub(crate) fn provision() -> Result<()> {
    compiler().map(|_| ())
}

fn on_this_machine(what: &str, source: &Path) -> Command {
    let mut command = cargo();
    command.arg(what).arg("--manifest-path").arg(source.join("Cargo.toml"));
    command.arg("--target-dir").arg(target_folder().join("plugins/native"));
    command
}

/// All packages that are built for WebAssembly.
fn sources() -> [PathBuf; 2] {
    [source(), root().join("web/reader")]
}

fn source() -> PathBuf {
    root().join("plugins").join(NAME)
}

impl Compiler {
    fn cargo(&self) -> Result<Command> {
        let Self::Debian { linker } = self else { return Ok(cargo()) };
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(PathBuf::from("/usr/bin")).chain(std::env::split_paths(&paths));
        let mut command = Command::new("/usr/bin/cargo");
        command
            .current_dir(root())
            .env("PATH", std::env::join_paths(paths)?)
            .env("RUSTC", "/usr/bin/rustc")
            // Building the standard library is not for the stable compiler, as long as nobody says so.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
            .arg("-Zbuild-std=std,panic_abort");
        Ok(command)
    }
}

/// In this order: a compiler that has the target, one that can be given it, Debian's.
fn compiler() -> Result<Compiler> {
    if has_target() {
        return Ok(Compiler::Usual);
    }
    if succeeds(Command::new("rustup").arg("--version")) {
        say(&format!("adding the target {TARGET}"));
        if succeeds(Command::new("rustup").args(["target", "add", TARGET]).current_dir(root()))
            && has_target()
        {
            return Ok(Compiler::Usual);
        }
    }
    if let Some(compiler) = debian() {
        return Ok(compiler);
    }
    let packages = ["rustc-web", "cargo-web", "rust-web-src", "libstd-rust-web-dev", "lld-19"];
    provision::install(&format!("a Rust compiler for {TARGET}"), &packages).with_context(|| {
        format!(
            "the example plugin needs the target {TARGET}: `rustup target add {TARGET}`, or its standard library where `{}` looks",
            "rustc --print target-libdir"
        )
    })?;
    debian().context(
        "Debian's Rust for browsers was installed, but /usr/bin/rustc, its sources or wasm-ld are not there",
    )
}

fn has_target() -> bool {
    let asked = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(root())
        .output();
    let Ok(answer) = asked else { return false };
    let folder = PathBuf::from(String::from_utf8_lossy(&answer.stdout).trim());
    answer.status.success() && fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some())
}

fn debian() -> Option<Compiler> {
    let linkers = ["/usr/bin/wasm-ld-19", "/usr/bin/wasm-ld"].map(PathBuf::from);
    let linker = linkers.into_iter().find(|linker| linker.exists())?;
    let sources = Path::new("/usr/lib/rustlib/src/rust/library/std/Cargo.toml");
    let there =
        sources.exists() && ["/usr/bin/rustc", "/usr/bin/cargo"].iter().all(|path| Path::new(path).exists());
    there.then_some(Compiler::Debian { linker })
}

/// A panic names the place in the sources: not the folders of the machine that built them.
fn unnamed_places() -> String {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let places = [Some((root(), "sealpost")), home.map(|home| (home, "cargo"))];
    let flags = places
        .into_iter()
        .flatten()
        .map(|(place, name)| format!("'--remap-path-prefix={}={name}'", place.display()));
    format!("target.{TARGET}.rustflags=[{}]", flags.collect::<Vec<_>>().join(", "))
}

/// Copies what is new, so that those who look at its age are not woken for nothing.
fn replace(from: &Path, to: &Path) -> Result<()> {
    let new = fs::read(from).with_context(|| format!("{} is missing", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    fs::write(to, new).with_context(|| format!("{} could not be written", to.display()))
}
