//! The program `sealpost-printer`.

mod commands;

use std::process::ExitCode;

use clap::Parser;
use sealpost_printer::{handover::compatible, machine};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = commands::Arguments::parse();
    if arguments.is_holder() {
        return match compatible::hold() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    machine::harden();
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        // Somebody was here before: the one that is there serves as well.
        tracing::debug!("a TLS provider is installed already");
    }
    match arguments.execute().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            commands::failure::report(&error);
            ExitCode::FAILURE
        }
    }
}
