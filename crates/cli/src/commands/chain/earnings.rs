//! `chain balance`, `withdraw`, `fees settle`.

use clap::{Args, Subcommand};
use sealpost_api::chain::ChainBalances;
use sealpost_chain::Signer;
use sealpost_market::chain::{Address, ContractCall};
use serde::Serialize;

use super::{
    amounts,
    contract::{Call, Contract},
    market::Market,
    options::{KeyFile, Sending, Signing},
};
use crate::{
    client::Client,
    connection::Connection,
    failure::{Failure, Result},
    input::one_reader_of_stdin,
    output::{Table, answer, say},
};

const WITHDRAW_HELP: &str = "\
Without --token, everything there is: the coin and each token, one transaction each. The treasury's
key takes out the platform's share with it.

A store that is gone takes no money with it: --contract ADDRESS does without one.

Examples:
  sealpost chain withdraw
  sealpost chain withdraw --token USDC --to 0x...";

const SETTLE_HELP: &str = "\
The platform's share of sales waits in the contract, where a refund takes its part of it back; it
goes with the role of the treasury until the treasury withdraws, or until this makes it the
treasury's own. Do it before naming another treasury; the treasury or the contract's owner may.";

#[derive(Args, Debug)]
pub(crate) struct BalanceArgs {
    /// Address to look at [default: that of your key]
    address: Option<Address>,
    #[command(flatten)]
    key: KeyFile,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Args, Debug)]
#[command(after_help = WITHDRAW_HELP)]
pub(crate) struct WithdrawArgs {
    /// Only this coin or token, such as USDC, or its address
    #[arg(long, value_name = "SYMBOL|ADDRESS")]
    token: Option<String>,
    /// Address that gets the money [default: your key's own]
    #[arg(long, value_name = "ADDRESS")]
    to: Option<Address>,
    #[command(flatten)]
    pub(super) sending: Sending,
}

/// The platform's share.
#[derive(Debug, Subcommand)]
pub(crate) enum FeesCommand {
    /// Move the platform's share of sales to the treasury's balance
    Settle(SettleArgs),
}

#[derive(Args, Debug)]
#[command(after_help = SETTLE_HELP)]
pub(crate) struct SettleArgs {
    #[command(flatten)]
    pub(super) sending: Sending,
}

/// One transaction that moved money.
#[derive(Serialize)]
struct Moved {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// Minor units.
    amount: String,
    address: Address,
    tx_hash: String,
}

/// All of them.
#[derive(Serialize)]
struct AllMoved {
    moved: Vec<Moved>,
}

pub(crate) async fn balance(args: BalanceArgs) -> Result<()> {
    one_reader_of_stdin(&args.key.readers())?;
    let address = match args.address {
        Some(address) => address,
        None => args.key.address()?,
    };
    let client = Client::open(&args.connection)?;
    let balances: ChainBalances =
        client.get(&["api", "v1", "chain", "balances", &address.to_string()], &[]).await?;
    answer(args.connection.json, &balances, |balances| {
        let mut table = Table::new(["CURRENCY", "AVAILABLE", "SHARE OF SALES IN IT"]);
        for balance in &balances.balances {
            table.row([
                balance.currency.clone(),
                amounts::text(&balance.available, &balance.currency),
                amounts::text(&balance.unsettled_fees, &balance.currency),
            ]);
        }
        table.or("The store sells in nothing.")
    });
    Ok(())
}

pub(crate) async fn withdraw(args: WithdrawArgs) -> Result<()> {
    one_reader_of_stdin(&args.sending.signing.readers())?;
    let mut market = Market::find(&args.sending.connection, &args.sending.node).await?;
    let contract = market.connect(&args.sending.node)?;
    let wanted = args.token.as_deref().map(|symbol| market.currency(symbol)).transpose()?;
    let signer = args.sending.signing.key.signer()?;
    let mut due = Vec::new();
    let tokens = wanted.map_or_else(|| market.currencies(), |wanted| vec![wanted]);
    for token in tokens {
        let held = contract.balance(signer.address(), token).await?;
        // The contract gives a treasury what it earned by itself first, and the share in a transaction of its own.
        let earned = held.available.saturating_sub(held.unsettled_fees);
        due.extend([earned, held.unsettled_fees].into_iter().filter(|sum| *sum > 0).map(|sum| (token, sum)));
    }
    if due.is_empty() {
        let sentence = format!("the contract holds nothing for {}", signer.address());
        return Err(Failure::new("nothing_to_withdraw", sentence).hint(
            "`sealpost chain balance ADDRESS` looks at another address, --key FILE takes another key",
        ));
    }
    let mut tokens = Vec::new();
    for (token, _) in &due {
        market.ask_token(&contract, *token).await?;
        if !tokens.contains(token) {
            tokens.push(*token);
        }
    }
    let to = args.to.filter(|to| *to != signer.address());
    let sums: Vec<_> = due.iter().map(|(token, amount)| market.text(*token, *amount)).collect();
    let what =
        format!("Withdraw {} to {}.", sums.join(" and "), to.unwrap_or(signer.address()).checksummed());
    market.ask(&args.sending.signing, &what, &tokens, args.sending.signing.most_fee())?;
    let mut moved = Vec::new();
    for (token, amount) in due {
        let call = Call::Market(ContractCall::Withdraw { token, to });
        let sent =
            send(&contract, &args.sending.signing, &signer, &call, &market.text(token, amount)).await?;
        moved.push(Moved {
            token,
            currency: market.symbol(token).map(str::to_owned),
            amount: amount.to_string(),
            address: to.unwrap_or(signer.address()),
            tx_hash: sent,
        });
    }
    tell(args.sending.connection.json, &market, moved, "Withdrew");
    Ok(())
}

pub(crate) async fn settle(args: SettleArgs) -> Result<()> {
    one_reader_of_stdin(&args.sending.signing.readers())?;
    let mut market = Market::find(&args.sending.connection, &args.sending.node).await?;
    let contract = market.connect(&args.sending.node)?;
    let (treasury, owner) = (contract.treasury().await?, contract.owner().await?);
    let signer = args.sending.signing.key.signer()?;
    if ![treasury, owner].contains(&signer.address()) {
        let sentence = format!(
            "this key's address is {}; the treasury is {treasury}, and the contract's owner is {owner}",
            signer.address()
        );
        return Err(
            Failure::new("not_treasury", sentence).hint("name the key of one of them with --key FILE")
        );
    }
    let mut due = Vec::new();
    for token in market.currencies() {
        let fees = contract.balance(treasury, token).await?.unsettled_fees;
        if fees > 0 {
            due.push((token, fees));
        }
    }
    if due.is_empty() {
        return Err(Failure::new("nothing_to_settle", "no share of a sale waits")
            .hint("`sealpost chain balance TREASURY` shows what the treasury can withdraw"));
    }
    let mut tokens = Vec::new();
    for (token, _) in &due {
        market.ask_token(&contract, *token).await?;
        tokens.push(*token);
    }
    let sums: Vec<_> = due.iter().map(|(token, fees)| market.text(*token, *fees)).collect();
    let what = format!("Make {} the own of the treasury, {}.", sums.join(" and "), treasury.checksummed());
    market.ask(&args.sending.signing, &what, &tokens, args.sending.signing.most_fee())?;
    let mut moved = Vec::new();
    for (token, fees) in due {
        let call = Call::Market(ContractCall::SettleFees { publisher: treasury, token });
        let sent = send(&contract, &args.sending.signing, &signer, &call, &market.text(token, fees)).await?;
        let currency = market.symbol(token).map(str::to_owned);
        moved.push(Moved { token, currency, amount: fees.to_string(), address: treasury, tx_hash: sent });
    }
    tell(args.sending.connection.json, &market, moved, "Settled");
    Ok(())
}

async fn send(
    contract: &Contract,
    signing: &Signing,
    signer: &Signer,
    call: &Call,
    what: &str,
) -> Result<String> {
    say!("Moving {what} ...");
    Ok(contract.send_quietly(signing, signer, call).await?.tx.to_string())
}

fn tell(json: bool, market: &Market, moved: Vec<Moved>, verb: &str) {
    answer(json, &AllMoved { moved }, |all| {
        let lines = all.moved.iter().map(|moved| {
            let amount =
                moved.amount.parse().map_or(moved.amount.clone(), |amount| market.text(moved.token, amount));
            format!("{verb} {amount}: transaction {}.\n", moved.tx_hash)
        });
        lines.collect()
    });
}
