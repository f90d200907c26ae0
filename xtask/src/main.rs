//! `cargo xtask`: provisions what the project's commands need and dispatches them; nothing more.
#![forbid(unsafe_code)]

mod bench;
mod checks;
mod cluster;
mod contracts;
mod demo;
mod faults;
mod fuzz;
mod gas;
mod install;
mod package;
mod plugin;
mod provision;
mod run;
mod stage;
mod suites;
mod web;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask COMMAND

  demo [--once]        a store, a printer, a browser, a chain and three sales, end to end; --once stops after them and
                       tells by its exit code
  test [SUITE] [ARGS]  every test, or one suite: unit, vectors, contract, fuzz, interop,
                       store, chain, printer, lmnt, faults, cluster, install, security, secrecy, e2e, plugin, sdk,
                       browser; ARGS go to the test program
  bench [NAME] [--json] one benchmark or all: agent, browser, envelope, gas,
                       host, store, waiting
  fuzz [TARGET...]     looks for inputs that break a parser: --seconds N for each target (60), --list, and
                       --input FILE to see a finding again
  package [--debug]    Debian packages of the agent and of the store
  plugin               the example plugin for WebAssembly: target/plugins/gcode-insight.wasm
  web                  the shop's pages, which `sealpost` embeds when it is built
  lint                 formatting and clippy, warnings refused
  setup                installs what the commands above need, and stops

Printer tests and the demo run on a stand-in Klipper host; with KLIPPER_DIR=<a Klipper checkout with out/klipper.elf>
they run on that Klipper instead.";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    match command {
        "bench" => bench::run(rest),
        "demo" => demo::run(rest),
        "fuzz" => fuzz::run(rest),
        "lint" => checks::lint(),
        "package" => package::run(rest),
        "plugin" => plugin::run(rest),
        "setup" => provision::everything(),
        "test" => suites::run(rest),
        "web" => web::run(rest),
        "help" | "-h" | "--help" => {
            run::say(USAGE);
            Ok(())
        }
        other => bail!("there is no command `{other}`\n\n{USAGE}"),
    }
}
