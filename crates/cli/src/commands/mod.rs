//! One module for each group of commands.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod bundle;
pub(crate) mod buying;
pub(crate) mod chain;
pub(crate) mod content;
pub(crate) mod devices;
pub(crate) mod envelope;
pub(crate) mod fetch;
pub(crate) mod jobs;
pub(crate) mod license;
pub(crate) mod listings;
pub(crate) mod printers;
pub(crate) mod publish;
pub(crate) mod publisher_key;
pub(crate) mod releases;
pub(crate) mod restore;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod vouchers;
pub(crate) mod wallet;
mod watch;

use crate::{
    args::Command,
    failure::{Doing as _, Result},
};

/// Runs one command to its end.
pub(crate) fn run(command: Command) -> Result<()> {
    if let Command::Serve(args) = command {
        return serve::serve(args);
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().doing("runtime", "start")?;
    runtime.block_on(run_client(command))
}

async fn run_client(command: Command) -> Result<()> {
    match command {
        Command::Serve(args) => serve::serve(args),
        Command::Backup(args) => backup::backup(args).await,
        Command::Restore(args) => restore::restore(args).await,
        Command::Register(args) => account::register(args).await,
        Command::Login(args) => account::login(args).await,
        Command::Logout(args) => account::logout(args).await,
        Command::Whoami(args) => account::whoami(args).await,
        Command::Audit(args) => audit::audit(args).await,
        Command::Publish(args) => publish::publish(*args).await,
        Command::PublisherKey(command) => publisher_key::publisher_key(command).await,
        Command::Listings(args) => listings::listings(args).await,
        Command::Yank(args) => listings::yank(args).await,
        Command::Release(command) => releases::release(command).await,
        Command::Voucher(vouchers::VoucherCommand::Create(args)) => vouchers::create(args).await,
        Command::Buy(args) => buying::buy(*args).await,
        Command::Purchases(args) => buying::purchases(args).await,
        Command::MarkPaid(args) => buying::mark_paid(args).await,
        Command::Refund(args) => buying::refund(args).await,
        Command::Licences(args) => buying::licences(args).await,
        Command::Devices(args) => devices::devices(*args).await,
        Command::Fetch(args) => fetch::fetch(args).await,
        Command::Revoke(args) => devices::revoke(args).await,
        Command::Print(args) => jobs::print(args).await,
        Command::Jobs(args) => jobs::jobs(args).await,
        Command::Cancel(args) => jobs::cancel(args).await,
        Command::Resolve(args) => jobs::resolve(args).await,
        Command::Printers(args) => printers::printers(args).await,
        Command::Printer(command) => printers::printer(command).await,
        Command::Seal(args) => content::seal(&args),
        Command::Open(args) => content::open(&args),
        Command::Envelope(command) => envelope::envelope(&command),
        Command::Bundle(command) => bundle::bundle(&command),
        Command::Run(args) => run::run(&args),
        Command::License(command) => license::license(command),
        Command::Wallet(command) => wallet::wallet(&command),
        Command::Chain(command) => chain::chain(*command).await,
    }
}
