//! The command line: what there is and what each command takes.

use clap::{Parser, Subcommand};

use crate::commands::{
    account, audit, backup, bundle, buying, chain, content, devices, envelope, fetch, jobs, license,
    listings, printers, publish, publisher_key, releases, restore, run, serve, vouchers, wallet,
};

const AFTER_HELP: &str = "\
Data goes to standard output, talk to standard error; --json prints one JSON object.
Passwords, keys, setup links and voucher codes are typed or come from files, never as arguments.

Exit codes:
  0  done
  1  the store refused, or the command could not do its work
  2  the command line makes no sense
  3  the store cannot be reached
  4  a watched print did not end in success

Environment:
  SEALPOST_STORE       store to talk to when --store is not given
  SEALPOST_CONFIG_DIR  folder of saved sign-ins and the wallet [default: $XDG_CONFIG_HOME/sealpost]";

/// Sell files that only the buyer's device can open.
#[derive(Debug, Parser)]
#[command(name = "sealpost", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a store.
    Serve(serve::ServeArgs),
    /// Back up a whole store, while it is served, into one file under a passphrase.
    Backup(backup::BackupArgs),
    /// Make a store of a backup, or look through one.
    Restore(restore::RestoreArgs),
    /// Make an account on a store and sign in.
    Register(account::RegisterArgs),
    /// Sign in to a store.
    Login(account::LoginArgs),
    /// Sign out: the token becomes void and is forgotten.
    Logout(account::LogoutArgs),
    /// Show who is signed in.
    Whoami(account::WhoamiArgs),
    /// Show what was done on a store, as far as it concerns you; operators see all of it.
    Audit(audit::AuditArgs),
    /// Put G-code or a plugin up for sale: seal it and add it to a listing.
    Publish(Box<publish::PublishArgs>),
    /// Make or show the key that signs your plugins.
    #[command(subcommand)]
    PublisherKey(publisher_key::PublisherKeyCommand),
    /// Show what a store offers, or one listing.
    Listings(listings::ListingsArgs),
    /// Take back a release: new prints take another one.
    Yank(listings::YankArgs),
    /// Take back a release, or give it again.
    #[command(subcommand)]
    Release(releases::ReleaseCommand),
    /// Make codes that pay for a listing of yours.
    #[command(subcommand)]
    Voucher(vouchers::VoucherCommand),
    /// Buy a listing.
    Buy(Box<buying::BuyArgs>),
    /// Show what you ordered.
    Purchases(buying::PurchasesArgs),
    /// Say that the money for a purchase arrived, as its seller.
    MarkPaid(buying::PurchaseArgs),
    /// Give a purchase back: its licence ends, and so do prints whose key is not out.
    Refund(buying::PurchaseArgs),
    /// Show what you bought.
    Licences(buying::LicencesArgs),
    /// Show the devices of a plugin licence, or register one.
    Devices(Box<devices::DevicesArgs>),
    /// Fetch a plugin you bought, as a bundle that your device opens.
    Fetch(fetch::FetchArgs),
    /// End a licence for a listing of yours for good: it gives no key any more.
    Revoke(devices::RevokeArgs),
    /// Print something you bought on one of your printers.
    Print(jobs::PrintArgs),
    /// Show your prints, or one of them.
    Jobs(jobs::JobsArgs),
    /// Take back a print, or ask the printer to stop it.
    Cancel(jobs::CancelArgs),
    /// Say how a print ended that its printer lost sight of.
    Resolve(jobs::ResolveArgs),
    /// Show your printers.
    Printers(printers::PrintersArgs),
    /// Add or remove a printer.
    #[command(subcommand)]
    Printer(printers::PrinterCommand),
    /// Seal a file with a content key, without a store.
    Seal(content::SealArgs),
    /// Open a sealed file with its content key.
    Open(content::OpenArgs),
    /// Wrap a content key for a recipient, or unwrap it, without a store.
    #[command(subcommand)]
    Envelope(envelope::EnvelopeCommand),
    /// Make or open the bundle of a plugin: sealed once, its key wrapped for buyers and domains.
    #[command(subcommand)]
    Bundle(bundle::BundleCommand),
    /// Open a bundle and call its plugin, with limits, on this machine.
    Run(Box<run::RunArgs>),
    /// Issue or verify a plugin licence (PLK).
    #[command(subcommand)]
    License(license::LicenseCommand),
    /// Make a wallet, show its keys, or find the one an envelope is for.
    #[command(subcommand)]
    Wallet(wallet::WalletCommand),
    /// Sell and buy by a contract on an EVM chain, with coin or tokens.
    #[command(subcommand)]
    Chain(Box<chain::ChainCommand>),
}

impl Command {
    /// Whether failures are to be told as JSON too.
    pub(crate) fn wants_json(&self) -> bool {
        let connection = match self {
            Self::Serve(_) => return false,
            Self::Backup(args) => return args.shown.json,
            Self::Restore(args) => return args.shown.json,
            Self::Register(args) => &args.connection,
            Self::Login(args) => &args.connection,
            Self::Logout(args) => &args.connection,
            Self::Whoami(args) => &args.connection,
            Self::Audit(args) => &args.connection,
            Self::Publish(args) => &args.connection,
            Self::PublisherKey(command) => return command.wants_json(),
            Self::Listings(args) => &args.connection,
            Self::Yank(args) => &args.connection,
            Self::Release(command) => command.connection(),
            Self::Voucher(vouchers::VoucherCommand::Create(args)) => &args.connection,
            Self::Buy(args) => &args.connection,
            Self::Purchases(args) => &args.connection,
            Self::MarkPaid(args) | Self::Refund(args) => &args.connection,
            Self::Licences(args) => &args.connection,
            Self::Devices(args) => &args.connection,
            Self::Fetch(args) => &args.connection,
            Self::Revoke(args) => &args.connection,
            Self::Print(args) => &args.connection,
            Self::Jobs(args) => &args.connection,
            Self::Cancel(args) => &args.connection,
            Self::Resolve(args) => &args.connection,
            Self::Printers(args) => &args.connection,
            Self::Printer(command) => command.connection(),
            Self::Seal(args) => return args.shown.json,
            Self::Open(args) => return args.shown.json,
            Self::Envelope(command) => return command.wants_json(),
            Self::Bundle(command) => return command.wants_json(),
            Self::Run(args) => return args.shown.json,
            Self::License(command) => return command.wants_json(),
            Self::Wallet(command) => return command.wants_json(),
            Self::Chain(command) => return command.wants_json(),
        };
        connection.json
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
