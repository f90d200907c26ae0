//! `cargo xtask fuzz`: the fuzz targets of `fuzz/` on the stable toolchain, with libFuzzer and nothing to install but
//! a C++ compiler.
//!
//! The instrumentation is what cargo-fuzz asks of the compiler, but for the address sanitizer: our crates forbid
//! unsafe code, and without it a target is several times faster.

use std::ffi::OsString;
use std::fs::{self, File};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use crate::provision;
use crate::run::{cargo, check, root, say, target_folder};

/// How long a target runs when nobody says.
const SECONDS: u64 = 60;
/// How long a target runs as a part of all tests, and how many inputs it tries: most are done before the time is over,
/// so that the same code gives the same answer on any machine.
const BRIEF_SECONDS: u64 = 6;
const BRIEF_RUNS: u64 = 20_000;
/// Longest input in bytes, most memory in MB, longest time for one input in seconds.
const LIMITS: [&str; 3] = ["-max_len=4096", "-rss_limit_mb=512", "-timeout=10"];
const INSTRUMENTED: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// `[TARGET...] [--seconds N] [--list] [--input FILE]`
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let known = targets()?;
    let mut chosen = Vec::new();
    let mut seconds = SECONDS;
    let mut input = None;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--list" => {
                known.iter().for_each(|name| say(name));
                return Ok(());
            }
            "--seconds" => {
                let number = words.next().context("`--seconds` needs a number")?;
                seconds = number.parse().with_context(|| format!("`{number}` is no number of seconds"))?;
                ensure!(seconds > 0, "at least one second, or libFuzzer never stops");
            }
            "--input" => input = Some(words.next().context("`--input` needs a file")?),
            name if known.iter().any(|target| target == name) => chosen.push(name.to_owned()),
            name => bail!("there is no fuzz target `{name}`: {}", known.join(", ")),
        }
    }
    match (input, chosen.as_slice()) {
        (Some(file), [target]) => reproduce(target, Path::new(file)),
        (Some(_), _) => bail!("`--input` needs one target"),
        (None, []) => fuzz(&known, seconds, Way::New),
        (None, _) => fuzz(&chosen, seconds, Way::New),
    }
}

/// The suite: all targets for a moment each, always along the same way, so that the same code gives the same answer.
pub(crate) fn suite(arguments: &[String]) -> Result<()> {
    if arguments.is_empty() { fuzz(&targets()?, BRIEF_SECONDS, Way::Same) } else { run(arguments) }
}

/// A cargo for the workspace of the fuzz targets, which is not that of the rest.
pub(crate) fn fuzz_cargo(command: &str) -> Result<Command> {
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    let mut cargo = cargo();
    // With `--target` the flags are for the targets alone, and not for build scripts, which link no libFuzzer.
    cargo
        .args([command, "--release", "--target", &host()?, "--manifest-path"])
        .arg(root().join("fuzz/Cargo.toml"))
        .arg("--target-dir")
        .arg(folder())
        .env("RUSTFLAGS", format!("{flags} {INSTRUMENTED}"));
    Ok(cargo)
}

/// Where a run begins and how it goes on.
#[derive(Clone, Copy)]
enum Way {
    /// From what earlier runs have found out, by chance.
    New,
    /// From the seeds, by the same choices each time.
    Same,
}

fn fuzz(targets: &[String], seconds: u64, way: Way) -> Result<()> {
    let programs = build(targets)?;
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(targets.len());
    say(&format!("{} targets, at most {seconds} s each, {workers} at a time", targets.len()));
    let queue = Mutex::new(targets.iter());
    let work = || {
        let mut failures = Vec::new();
        loop {
            let next = queue.lock().ok().and_then(|mut queue| queue.next());
            let Some(target) = next else { return failures };
            match fuzz_one(&programs, target, seconds, way) {
                Ok(summary) => say(&format!("{target:16} {summary}")),
                Err(error) => {
                    say(&format!("{target:16} FAILED"));
                    failures.push(format!("{error:#}"));
                }
            }
        }
    };
    let failures: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    ensure!(failures.is_empty(), "{}", failures.join("\n\n"));
    Ok(())
}

fn fuzz_one(programs: &Path, target: &str, seconds: u64, way: Way) -> Result<String> {
    let corpus = match way {
        Way::New => folder().join("corpus").join(target),
        Way::Same => emptied(folder().join("brief").join(target))?,
    };
    let log = folder().join("logs").join(format!("{target}.log"));
    let artifacts = root().join("fuzz/artifacts").join(target);
    for needed in [&corpus, &artifacts] {
        fs::create_dir_all(needed).with_context(|| format!("{} cannot be made", needed.display()))?;
    }
    fs::create_dir_all(folder().join("logs"))?;

    // libFuzzer keeps what it finds interesting in the first folder and only reads the others.
    let mut command = Command::new(programs.join(target));
    command.arg(&corpus);
    let seeds = root().join("fuzz/seeds").join(target);
    if seeds.is_dir() {
        command.arg(seeds);
    }
    let mut prefix = OsString::from("-artifact_prefix=");
    prefix.push(artifacts.join(""));
    let mut dictionary = OsString::from("-dict=");
    dictionary.push(root().join("fuzz/dictionary.txt"));
    command.args(LIMITS).args([&prefix, &dictionary]);
    command.arg(format!("-max_total_time={seconds}")).arg("-print_final_stats=1");
    if matches!(way, Way::Same) {
        command.arg("-seed=1").arg(format!("-runs={BRIEF_RUNS}"));
    }
    let output = File::create(&log)?;
    let status = command
        .stdout(output.try_clone()?)
        .stderr(output)
        .status()
        .with_context(|| format!("the fuzz target `{target}` could not be started"))?;

    let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    if !status.success() {
        bail!(
            "fuzz target `{target}` ended with {status}\n{}\n{}",
            essence(&said),
            how_to_reproduce(target, &said)
        );
    }
    let coverage = |line: Option<&str>| number_after(line?, "cov: ");
    let first = coverage(said.lines().find(|line| line.contains("INITED")));
    let last = coverage(said.lines().rfind(|line| line.contains("DONE")));
    let (Some(first), Some(last)) = (first, last) else {
        bail!(
            "fuzz target `{target}` reports no coverage: was it built with instrumentation? See {}",
            log.display()
        )
    };
    let runs = number_after(&said, "stat::number_of_executed_units: ").unwrap_or_default();
    let memory = number_after(&said, "stat::peak_rss_mb: ").unwrap_or_default();
    Ok(format!("no finding in {runs} runs; covers {first} edges by what was known, {last} now; {memory} MB"))
}

fn emptied(folder: PathBuf) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("{} cannot be emptied", folder.display()))?;
    }
    Ok(folder)
}

fn reproduce(target: &str, input: &Path) -> Result<()> {
    let program = build(&[target.to_owned()])?.join(target);
    check(Command::new(program).args(LIMITS).arg(input))
}

fn build(targets: &[String]) -> Result<PathBuf> {
    provision::cpp_compiler()?;
    let mut command = fuzz_cargo("build")?;
    for target in targets {
        command.args(["--bin", target]);
    }
    check(&mut command)?;
    Ok(folder().join(host()?).join("release"))
}

fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder).with_context(|| format!("{} is missing", folder.display()))?;
    let files = entries.collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<String> = files
        .iter()
        .filter_map(|file| file.file_name().to_str()?.strip_suffix(".rs").map(str::to_owned))
        .collect();
    names.sort();
    Ok(names)
}

fn folder() -> PathBuf {
    target_folder().join("fuzz")
}

fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").current_dir(root()).output().context("rustc does not run")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not name its host")?.to_owned())
}

/// What a finding is about, without libFuzzer's running report.
fn essence(said: &str) -> String {
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| {
            !line.starts_with('#') && !line.starts_with("\tNEW_FUNC") && !line.starts_with("stat::")
        })
        .collect();
    let start = lines.iter().position(|line| line.contains("panicked at") || line.contains("ERROR:"));
    lines[start.unwrap_or(lines.len().saturating_sub(10))..]
        .iter()
        .take(15)
        .copied()
        .collect::<Vec<_>>()
        .join("\n")
}

fn how_to_reproduce(target: &str, said: &str) -> String {
    match said.lines().find_map(|line| line.split_once("Test unit written to ")) {
        Some((_, file)) => format!("to see it again: cargo xtask fuzz {target} --input {}", file.trim()),
        None => "libFuzzer kept no input".into(),
    }
}

fn number_after(text: &str, label: &str) -> Option<u64> {
    let (_, rest) = text.split_once(label)?;
    let digits = rest.trim_start();
    digits[..digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len())].parse().ok()
}
