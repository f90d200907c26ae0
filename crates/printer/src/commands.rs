//! What the program does when it is called.

mod doctor;
pub(crate) mod failure;
mod install;
mod pair;
mod run;
mod show;
mod uninstall;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use sealpost_api::Problem;
use sealpost_printer::{Settings, local::Client};

/// The printer agent of Sealpost: fetches, checks and opens purchased files in memory, hands them to Klipper, reports.
#[derive(Debug, Parser)]
#[command(name = "sealpost-printer", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Settings file [default: /etc/sealpost/printer.toml]
    #[arg(long, global = true, env = "SEALPOST_PRINTER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the agent until it is told to stop
    Run,
    /// Joins a store: shows a code that its owner approves there
    Pair(pair::Pair),
    /// Shows how the agent stands
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Shows or changes what waits to be printed
    Queue {
        #[command(subcommand)]
        command: QueueCommand,
    },
    /// Looks at login, pairing, refresh, decryption, Moonraker and Klipper; or at a file, whether it would be printed
    Check {
        /// A plain G-code file: judged by this printer's limits as a purchased one would be
        file: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Leaves the store; the identity key stays
    Unpair,
    /// Looks at everything: service, user, rights, keys, memory, disk, store, clock, Moonraker, Klipper
    Doctor(doctor::Doctor),
    /// Puts the agent in place beside Klipper and Moonraker: shows everything, asks, does it
    Install(install::Install),
    /// Takes back what `install` did; what was changed since stays
    Uninstall(uninstall::Uninstall),
    /// Holds one file for Klipper (compatible mode); started by the agent
    #[command(hide = true)]
    Hold,
}

#[derive(Debug, Subcommand)]
enum QueueCommand {
    /// Lists the jobs
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Takes a job off the queue of this printer
    Remove {
        /// The job's id
        job: String,
    },
}

impl Arguments {
    /// Whether this process holds a file that another one must be able to open.
    pub(crate) fn is_holder(&self) -> bool {
        matches!(self.command, Command::Hold)
    }

    pub(crate) async fn execute(self) -> anyhow::Result<()> {
        // These mend what may be wrong with the settings.
        match self.command {
            Command::Install(install) => return install.execute(),
            Command::Uninstall(uninstall) => return uninstall.execute(),
            Command::Doctor(doctor) => {
                let settings = Settings::load(self.config.as_deref()).map_err(|error| error.problem());
                return doctor.execute(settings).await;
            }
            _ => {}
        }
        let settings = Settings::load(self.config.as_deref()).map_err(|error| error.problem())?;
        match self.command {
            Command::Run => run::run(settings).await?,
            Command::Pair(pair) => pair.execute(settings).await?,
            Command::Status { json } => show::status(&settings, json).await?,
            Command::Queue { command: QueueCommand::List { json } } => show::queue(&settings, json).await?,
            Command::Queue { command: QueueCommand::Remove { job } } => show::remove(&settings, job).await?,
            Command::Check { file: Some(file), json } => show::check_file(&settings, &file, json).await?,
            Command::Check { file: None, json } => show::check(settings, json).await?,
            Command::Unpair => show::unpair(settings).await?,
            Command::Hold | Command::Doctor(_) | Command::Install(_) | Command::Uninstall(_) => {}
        }
        Ok(())
    }
}

/// The running agent, if there is one.
async fn running(settings: &Settings) -> anyhow::Result<Option<Client>> {
    let path = &settings.agent_socket;
    Client::connect(path).await.map_err(|error| {
        Problem::new(500, "agent_socket", "The agent's socket cannot be used")
            .detail(format!("{}: {error}", path.display()))
            .hint("Try it as the agent's user, as a member of its group, or with sudo.")
            .into()
    })
}

async fn needs_running(settings: &Settings) -> anyhow::Result<Client> {
    running(settings).await?.ok_or_else(|| {
        Problem::new(503, "agent_not_running", "The agent does not run")
            .detail(format!("nobody listens at {}", settings.agent_socket.display()))
            .hint("Start it with `systemctl start sealpost-printer` or `sealpost-printer run`.")
            .into()
    })
}
