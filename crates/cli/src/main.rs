#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod age_key;
mod args;
mod chain_port;
mod client;
mod commands;
mod connection;
mod failure;
mod holder;
mod input;
mod key_file;
mod moment;
mod offline;
mod one_time_link;
mod outfile;
mod output;
mod pages;
mod passphrase;
mod private_file;
mod recipient;
mod seal;
mod secret;
mod session;
mod store_url;
mod upload;
mod usage;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

use crate::{args::Cli, commands::run, failure::Failure};

fn main() -> ExitCode {
    // Two TLS providers in one program panic when the first connection is made: name the one.
    let installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    debug_assert!(installed.is_ok(), "nothing else installs a provider");

    let arguments: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => match usage::failure(&error, &arguments) {
            Some(failure) => return failure.report(usage::wants_json(&arguments)),
            None => error.exit(),
        },
    };
    let json = cli.command.wants_json();
    match run(cli.command) {
        Ok(()) if output::lost() => {
            Failure::new("output", "the answer could not be written to standard output")
                .hint(failure::STDOUT_HINT)
                .report(false)
        }
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}
