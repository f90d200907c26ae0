//! `chain`: selling and buying by a contract on an EVM chain.

mod amounts;
mod buy;
mod buying_key;
mod coins;
mod confirm;
mod contract;
mod deliver;
mod deploy;
mod earnings;
mod info;
mod key;
mod link;
mod market;
mod operate;
mod options;
mod payments;
mod pins;
mod refund;
mod sell;
mod status;

use clap::Subcommand;

use crate::failure::Result;

const AFTER_HELP: &str = "\
Everything that is sent is signed here, by a key of yours: `sealpost chain key new` makes one, which
needs a little of the chain's coin for the network's fees. Contract and chain are those of the
store, and are compared with what the endpoint says before anything is signed. At a terminal you
are asked before money moves; --yes goes on without. With --contract ADDRESS, withdrawals,
envelopes and the owner's commands need no store.

Sell:     key new, list, sales, balance, withdraw; refund; unlist; transfer and accept
Buy:      key new, buy, status
Operate:  key new, deploy, info, fees settle, set-fee, set-treasury, set-owner, pause, unpause";

/// Commands around the contract.
#[derive(Debug, Subcommand)]
#[command(after_help = AFTER_HELP)]
pub(crate) enum ChainCommand {
    /// Make or show the key that signs transactions and is paid
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Put a marketplace of your own on a chain
    Deploy(deploy::DeployArgs),
    /// Show the chain and contract that a store sells by
    Info(info::InfoArgs),
    /// Sell a listing of yours on chain, or bring its price there up to date
    List(sell::ListArgs),
    /// Take a listing of yours off the contract; what is paid stays paid
    Unlist(sell::UnlistArgs),
    /// Buy a listing with coin or a token
    Buy(Box<buy::BuyArgs>),
    /// Show how far a payment is
    Status(status::StatusArgs),
    /// Show what was sold on chain
    Sales(payments::SalesArgs),
    /// Show what an address can withdraw from the contract
    Balance(earnings::BalanceArgs),
    /// Take out what your sales earned
    Withdraw(earnings::WithdrawArgs),
    /// Give the money of a purchase back, as its seller or the contract's owner
    Refund(refund::RefundArgs),
    /// The platform's share of sales
    #[command(subcommand)]
    Fees(earnings::FeesCommand),
    /// Offer a listing of yours on chain to another address, which accepts it
    Transfer(sell::TransferArgs),
    /// Take over a listing that was offered to your address
    Accept(sell::AcceptArgs),
    /// Publish the envelope of a purchase on chain, for a buyer who wants to need no store
    Deliver(deliver::DeliverArgs),
    /// Read an envelope that was published on chain
    Envelope(Box<deliver::EnvelopeArgs>),
    /// Stop purchases and new listings, as the contract's owner; withdrawals and refunds go on
    Pause(operate::OwnerArgs),
    /// Let purchases and listings go on
    Unpause(operate::OwnerArgs),
    /// Set the platform's share of sales; what is listed keeps a lower one
    SetFee(operate::SetFeeArgs),
    /// Set the address that gets the platform's share
    SetTreasury(operate::SetTreasuryArgs),
    /// Offer the contract to a new owner, who accepts it with `accept-owner`
    SetOwner(operate::SetOwnerArgs),
    /// Become the contract's owner, when it was offered to your address
    AcceptOwner(operate::OwnerArgs),
}

impl ChainCommand {
    /// Whether failures are to be told as JSON too.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Key(command) => command.wants_json(),
            Self::Deploy(args) => args.shown.json,
            Self::Info(args) => args.connection.json,
            Self::List(args) => args.sending.connection.json,
            Self::Unlist(args) => args.sending.connection.json,
            Self::Buy(args) => args.sending.connection.json,
            Self::Status(args) => args.connection.json,
            Self::Sales(args) => args.connection.json,
            Self::Balance(args) => args.connection.json,
            Self::Withdraw(args) => args.sending.connection.json,
            Self::Refund(args) => args.sending.connection.json,
            Self::Fees(earnings::FeesCommand::Settle(args)) => args.sending.connection.json,
            Self::Transfer(args) => args.sending.connection.json,
            Self::Accept(args) => args.sending.connection.json,
            Self::Deliver(args) => args.sending.connection.json,
            Self::Envelope(args) => args.connection.json,
            Self::Pause(args) | Self::Unpause(args) | Self::AcceptOwner(args) => args.sending.connection.json,
            Self::SetFee(args) => args.sending.connection.json,
            Self::SetTreasury(args) => args.sending.connection.json,
            Self::SetOwner(args) => args.sending.connection.json,
        }
    }
}

/// Runs one of them.
pub(crate) async fn chain(command: ChainCommand) -> Result<()> {
    match command {
        ChainCommand::Key(command) => key::key(&command),
        ChainCommand::Deploy(args) => deploy::deploy(args).await,
        ChainCommand::Info(args) => info::info(args).await,
        ChainCommand::List(args) => sell::list(args).await,
        ChainCommand::Unlist(args) => sell::unlist(args).await,
        ChainCommand::Buy(args) => buy::buy(*args).await,
        ChainCommand::Status(args) => status::status(args).await,
        ChainCommand::Sales(args) => payments::sales(args).await,
        ChainCommand::Balance(args) => earnings::balance(args).await,
        ChainCommand::Withdraw(args) => earnings::withdraw(args).await,
        ChainCommand::Refund(args) => refund::refund(args).await,
        ChainCommand::Fees(earnings::FeesCommand::Settle(args)) => earnings::settle(args).await,
        ChainCommand::Transfer(args) => sell::transfer(args).await,
        ChainCommand::Accept(args) => sell::accept(args).await,
        ChainCommand::Deliver(args) => deliver::deliver(args).await,
        ChainCommand::Envelope(args) => deliver::envelope(*args).await,
        ChainCommand::Pause(args) => operate::pause(args).await,
        ChainCommand::Unpause(args) => operate::unpause(args).await,
        ChainCommand::SetFee(args) => operate::set_fee(args).await,
        ChainCommand::SetTreasury(args) => operate::set_treasury(args).await,
        ChainCommand::SetOwner(args) => operate::set_owner(args).await,
        ChainCommand::AcceptOwner(args) => operate::accept_owner(args).await,
    }
}
