//! Whether a program, as it was traced, asked the kernel for anything that its unit forbids.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::debian::run;

/// A set of names of system calls.
pub(crate) type Calls = BTreeSet<String>;

/// The same command with everything it asks the kernel written to `trace`; its process stays the one that was started.
pub(crate) fn traced(command: &Command, trace: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-qq", "-e", "signal=none", "-o"]).arg(trace).arg("env").arg("-i");
    let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    for (name, value) in variables {
        let mut word = name.to_os_string();
        word.push(OsStr::new("="));
        word.push(value);
        strace.arg(word);
    }
    strace.arg(command.get_program()).args(command.get_args());
    strace
}

/// What was asked for from the start of `program` on.
pub(crate) fn calls(trace: &str, program: &str) -> Calls {
    let start = format!("execve(\"{program}\"");
    let after = trace.lines().skip_while(|line| !line.contains(&start)).skip(1);
    let name = |line: &str| {
        let rest = line.split_once(char::is_whitespace)?.1.trim_start();
        let (name, _) = rest.split_once('(')?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        name.chars().all(plain).then(|| name.to_owned())
    };
    after.filter_map(name).collect()
}

/// What a unit allows by its `SystemCallFilter=` lines.
pub(crate) fn allowed(unit: &str) -> Result<Calls> {
    let mut allowed = Calls::new();
    for line in unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let (taken, names) = match line.strip_prefix('~') {
            Some(names) => (true, names),
            None => (false, line),
        };
        for name in names.split_whitespace() {
            let calls = expand(name)?;
            if taken {
                allowed.retain(|call| !calls.contains(call));
            } else {
                allowed.extend(calls);
            }
        }
    }
    Ok(allowed)
}

fn expand(name: &str) -> Result<Calls> {
    if !name.starts_with('@') {
        return Ok(Calls::from([name.to_owned()]));
    }
    let said = run(Command::new("systemd-analyze").args(["syscall-filter", name]))?;
    let names = said.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut calls = Calls::new();
    for name in names {
        calls.extend(expand(name)?);
    }
    Ok(calls)
}
