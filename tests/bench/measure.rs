//! Processor time and memory of a piece of work, taken in a process of its own.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

/// First argument of a process that does one piece of work and prints its figures as JSON.
pub(crate) const CHILD: &str = "measured";

/// Runs this program again for one piece of work; `input` goes to its standard input.
pub(crate) fn child(arguments: &[&str], input: &Value) -> Result<Value> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(CHILD).args(arguments);
    figures(&mut command, input)
}

/// Runs a program that reads `input` and prints its figures as JSON.
pub(crate) fn figures(command: &mut Command, input: &Value) -> Result<Value> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().context("no input")?;
    stdin.write_all(input.to_string().as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{command:?} ended with {}", output.status);
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Processor time of this process so far, seconds.
pub(crate) fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Resident memory of a process without shared memory (a memfd is shared memory), MB of 10^6 bytes.
pub(crate) fn own_memory_mb(pid: i32) -> Result<f64> {
    Ok((status_kib(pid, "RssAnon:")? + status_kib(pid, "RssFile:")?) * 1.024e-3)
}

/// The same at its peak, as far as the kernel keeps it: the peak of everything less the shared memory of now.
pub(crate) fn peak_memory_mb(pid: i32) -> Result<f64> {
    Ok((status_kib(pid, "VmHWM:")? - status_kib(pid, "RssShmem:")?) * 1.024e-3)
}

/// Keeps all threads of a process, and those they start, on one of the processors; on the only one where there is one.
pub(crate) fn pin(pid: i32, processor: usize) -> Result<()> {
    let mut processors = CpuSet::new();
    processors.set(processor % std::thread::available_parallelism()?.get());
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let thread = thread?.file_name().to_string_lossy().parse().ok().and_then(Pid::from_raw);
        sched_setaffinity(thread, &processors)?;
    }
    Ok(())
}

/// The middle of several figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

fn status_kib(pid: i32, name: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with(name)).with_context(|| format!("no {name}"))?;
    Ok(line.split_whitespace().nth(1).context("no figure")?.parse()?)
}
