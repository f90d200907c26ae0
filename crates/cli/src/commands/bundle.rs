//! `bundle make` and `bundle open`.

use std::path::Path;

use clap::Subcommand;
use sealpost_envelope::content::WHOLE_LIMIT;
use zeroize::Zeroizing;

use crate::{failure::Result, input::Input};

mod make;
mod open;
pub(crate) mod opening;

#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Seal a plugin and wrap its content key for buyers and domains
    Make(Box<make::MakeArgs>),
    /// Open a bundle with a buyer's key, a domain secret or its content key
    Open(Box<open::OpenArgs>),
}

impl BundleCommand {
    /// Whether failures are to be told as JSON too.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Make(args) => args.shown.json,
            Self::Open(args) => args.shown.json,
        }
    }
}

pub(crate) fn bundle(command: &BundleCommand) -> Result<()> {
    match command {
        BundleCommand::Make(args) => make::make(args),
        BundleCommand::Open(args) => open::open(args),
    }
}

/// A file that is sealed or opened as a whole.
fn whole(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    Input::open(path)?.read_up_to(WHOLE_LIMIT as u64)
}
