//! Programs that are run once.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a program of the system writes to its standard output.
pub(crate) fn run(program: &str, arguments: &[&str], folder: &Path) -> Vec<u8> {
    output(Command::new(program).args(arguments), b"", folder)
}

/// What `sealpost` writes to its standard output.
pub(crate) fn sealpost(arguments: &[&str], input: &[u8], folder: &Path) -> Vec<u8> {
    let mut command = Command::new(sealpost_tests::programs::built("sealpost").unwrap());
    output(command.args(arguments).env("SEALPOST_CONFIG_DIR", folder), input, folder)
}

fn output(command: &mut Command, input: &[u8], folder: &Path) -> Vec<u8> {
    let mut child = command
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start, see `cargo xtask setup`: {error}"));
    // Short enough for the pipe, and whoever does not read it need not.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
