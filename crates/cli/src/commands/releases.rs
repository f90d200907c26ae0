//! `release yank` and `release restore`.

use clap::{Args, Subcommand};
use sealpost_api::catalogue::{Release, ReleaseChanges};

use crate::{
    client::Client,
    connection::{Connection, id},
    failure::Result,
    output::answer,
};

#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Take a release back: new prints and devices take another one
    Yank(ReleaseArgs),
    /// Give a release again that was taken back
    Restore(ReleaseArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ReleaseArgs {
    /// Release, such as r_4t7...; `sealpost listings LISTING` names them
    #[arg(value_parser = id)]
    release: String,
    #[command(flatten)]
    connection: Connection,
}

impl ReleaseCommand {
    pub(crate) fn connection(&self) -> &Connection {
        match self {
            Self::Yank(args) | Self::Restore(args) => &args.connection,
        }
    }
}

pub(crate) async fn release(command: ReleaseCommand) -> Result<()> {
    let (args, state) = match command {
        ReleaseCommand::Yank(args) => (args, "yanked"),
        ReleaseCommand::Restore(args) => (args, "active"),
    };
    let client = Client::signed_in(&args.connection)?;
    let changes = ReleaseChanges { state: Some(state.to_owned()), ..ReleaseChanges::default() };
    let release: Release = client.patch(&["api", "v1", "releases", &args.release], &changes).await?;
    answer(args.connection.json, &release, |release| {
        let effect = match release.state.as_str() {
            "yanked" => "new prints and devices take another one",
            _ => "it is given again",
        };
        format!("Release {} (version {}) is {}: {effect}.", release.id, release.version, release.state)
    });
    Ok(())
}
