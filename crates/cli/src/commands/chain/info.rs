//! `chain info`.

use clap::Args;
use sealpost_api::chain::ChainInfo;
use sealpost_market::chain::{Address, network_text};
use serde::Serialize;

use super::{amounts::percent, market::Market, options::Node};
use crate::{
    client::Client,
    connection::Connection,
    failure::Result,
    output::{answer, facts},
};

const HELP: &str = "\
With --rpc, the contract is asked as well: who owns it, who gets the platform's share, whether it is
paused.

Example:
  sealpost chain info --rpc https://rpc.example";

#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct InfoArgs {
    #[command(flatten)]
    node: Node,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// What the store says, and what the contract does.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    info: &'a ChainInfo,
    #[serde(flatten)]
    terms: Option<Terms>,
}

/// What the contract says of itself.
#[derive(Serialize)]
struct Terms {
    owner: Address,
    treasury: Address,
    paused: bool,
}

pub(crate) async fn info(args: InfoArgs) -> Result<()> {
    let client = Client::open(&args.connection)?;
    let market = Market::told_by(&client, &args.node).await?;
    let terms = match args.node.rpc.is_given() {
        false => None,
        true => {
            let contract = market.connect(&args.node)?;
            let (owner, treasury) = (contract.owner().await?, contract.treasury().await?);
            Some(Terms { owner, treasury, paused: contract.paused().await? })
        }
    };
    answer(args.connection.json, &Shown { info: &market.info, terms }, describe);
    Ok(())
}

fn describe(Shown { info, terms }: &Shown<'_>) -> String {
    let tokens: Vec<_> =
        info.tokens.iter().map(|token| format!("{} ({})", token.symbol, token.address)).collect();
    let read = match (info.caught_up, info.block, info.latest) {
        (true, Some(block), _) => Some(format!("all settled blocks, up to {block}")),
        (false, Some(block), Some(latest)) => Some(format!("up to block {block} of {latest}")),
        (_, block, _) => block.map(|block| format!("up to block {block}")),
    };
    facts([
        ("Chain", Some(network_text(info.chain_id))),
        ("Contract", Some(info.contract.clone())),
        ("Coin", Some(info.coin.symbol.clone())),
        ("Tokens", (!tokens.is_empty()).then(|| tokens.join(", "))),
        ("Payments count", Some(finality_text(&info.finality))),
        ("Platform's share", info.fee_bps.map(percent)),
        ("Read", read),
        ("Trouble", info.error.clone()),
        ("Explorer", info.explorer.clone()),
        ("Owner", terms.as_ref().map(|terms| terms.owner.checksummed())),
        ("Treasury", terms.as_ref().map(|terms| terms.treasury.checksummed())),
        ("Paused", terms.as_ref().map(|terms| if terms.paused { "yes" } else { "no" }.to_owned())),
    ])
}

/// When a payment counts.
fn finality_text(finality: &str) -> String {
    match finality {
        "finalized" => "when their block is final".to_owned(),
        "safe" => "when their block is safe".to_owned(),
        blocks => format!("after {blocks} blocks"),
    }
}
