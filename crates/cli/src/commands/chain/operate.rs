//! What the contract's owner may do: `pause`, `unpause`, `set-fee`, `set-treasury`, `set-owner`, `accept-owner`.

use clap::Args;
use sealpost_market::chain::{Address, ContractCall};
use serde_json::json;

use super::{
    amounts::{bps_option, percent},
    contract::{Call, Contract},
    market::Market,
    options::Sending,
};
use crate::{
    failure::{Failure, Result},
    input::one_reader_of_stdin,
    output::answer,
};

/// A call by the contract's owner.
#[derive(Args, Debug)]
pub(crate) struct OwnerArgs {
    #[command(flatten)]
    pub(super) sending: Sending,
}

#[derive(Args, Debug)]
#[command(
    after_help = "What is listed keeps the share it was listed with, unless the new one is lower: publishers agree to
a higher one by listing again."
)]
pub(crate) struct SetFeeArgs {
    /// Share of a sale in percent, such as 15 or 2.5; at most 30
    #[arg(value_name = "PERCENT", value_parser = bps_option)]
    share: u16,
    #[command(flatten)]
    pub(super) sending: Sending,
}

#[derive(Args, Debug)]
pub(crate) struct SetTreasuryArgs {
    /// Address that gets the platform's share from now on
    treasury: Address,
    #[command(flatten)]
    pub(super) sending: Sending,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Nothing changes until that address says `sealpost chain accept-owner`: so a contract is not given
to an address that nobody has."
)]
pub(crate) struct SetOwnerArgs {
    /// Address of the owner to be
    owner: Address,
    #[command(flatten)]
    pub(super) sending: Sending,
}

pub(crate) async fn pause(args: OwnerArgs) -> Result<()> {
    let call = Call::Market(ContractCall::Pause);
    let what =
        "Pause the contract: nothing can be bought or listed until it goes on. Withdrawals and refunds do.";
    owner(&args.sending, call, what, "Paused").await
}

pub(crate) async fn unpause(args: OwnerArgs) -> Result<()> {
    let call = Call::Market(ContractCall::Unpause);
    let what = "Let purchases and listings go on.";
    owner(&args.sending, call, what, "Going on").await
}

pub(crate) async fn set_fee(args: SetFeeArgs) -> Result<()> {
    let share = percent(args.share);
    let call = Call::Market(ContractCall::SetFee { bps: args.share });
    let what = format!("Set the platform's share to {share} for what is listed from now on.");
    owner(&args.sending, call, &what, &format!("The share is {share}")).await
}

pub(crate) async fn set_treasury(args: SetTreasuryArgs) -> Result<()> {
    let treasury = named(args.treasury, "treasury")?;
    let call = Call::Market(ContractCall::SetTreasury { treasury });
    let what = format!(
        "Give the platform's share to {}: of later sales, and what waits now. `sealpost chain fees settle` before keeps that with the treasury of now.",
        treasury.checksummed()
    );
    owner(&args.sending, call, &what, "The treasury is set").await
}

pub(crate) async fn set_owner(args: SetOwnerArgs) -> Result<()> {
    let to = named(args.owner, "owner")?;
    let what = format!("Offer the contract to {}, who becomes its owner by accepting it.", to.checksummed());
    let done = format!("Offered to {}; they run `sealpost chain accept-owner`", to.checksummed());
    owner(&args.sending, Call::OfferOwnership(to), &what, &done).await
}

pub(crate) async fn accept_owner(args: OwnerArgs) -> Result<()> {
    one_reader_of_stdin(&args.sending.signing.readers())?;
    let (market, contract) = connected(&args.sending).await?;
    let signer = args.sending.signing.key.signer()?;
    let what = "Become the contract's owner.";
    let sent = market.send(&contract, &args.sending.signing, &signer, &Call::AcceptOwnership, what).await?;
    done(args.sending.connection.json, &sent.tx.to_string(), "You are the contract's owner");
    Ok(())
}

async fn owner(sending: &Sending, call: Call, what: &str, then: &str) -> Result<()> {
    one_reader_of_stdin(&sending.signing.readers())?;
    let (market, contract) = connected(sending).await?;
    let signer = sending.signing.key.signer()?;
    let owner = contract.owner().await?;
    if owner != signer.address() {
        let sentence =
            format!("this key's address is {}, and the contract's owner is {owner}", signer.address());
        return Err(Failure::new("not_owner", sentence).hint("name the owner's key with --key FILE"));
    }
    let sent = market.send(&contract, &sending.signing, &signer, &call, what).await?;
    done(sending.connection.json, &sent.tx.to_string(), then);
    Ok(())
}

async fn connected(sending: &Sending) -> Result<(Market, Contract)> {
    let market = Market::find(&sending.connection, &sending.node).await?;
    let contract = market.connect(&sending.node)?;
    Ok((market, contract))
}

/// The zero address is nobody's; a contract would take it for "none".
fn named(address: Address, what: &str) -> Result<Address> {
    if address.is_zero() {
        return Err(Failure::usage("zero_address", format!("the zero address is nobody's, and no {what}"))
            .hint("name an address that somebody has the key of"));
    }
    Ok(address)
}

fn done(json: bool, tx: &str, then: &str) {
    answer(json, &json!({ "tx_hash": tx }), |_| format!("{then}: transaction {tx}."));
}
