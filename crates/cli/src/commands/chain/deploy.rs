//! `chain deploy`.

use clap::Args;
use sealpost_chain::{Reader, Sender, chain_id};
use sealpost_market::chain::{Address, network_text};
use serde::Serialize;
use url::Url;

use super::{
    amounts::{bps_option, percent},
    coins::coin_text,
    confirm::confirm,
    contract::{settings, unsent},
    options::{Rpc, Signing, no_rpc},
};
use crate::{
    failure::{Failure, Result},
    input::one_reader_of_stdin,
    offline::{Shown, failed},
    output::{answer, facts, say},
};

const HELP: &str = "\
The contract keeps what is paid until publishers withdraw it, and the platform's share for the
treasury. Its owner sets the share of later listings, pauses sales, and gives purchases back for 30
days; what publishers earned is out of the owner's reach. There is no way to change its code.

Standard output gets the table for the store's settings.

Examples:
  sealpost chain deploy --rpc https://rpc.example >> store.toml
  sealpost chain deploy --rpc https://rpc.example --fee 5 --treasury 0x...";

#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct DeployArgs {
    /// The platform's share of sales in percent, such as 15 or 2.5; at most 30
    #[arg(long, value_name = "PERCENT", value_parser = bps_option, default_value = "15")]
    fee: u16,
    /// Address that owns the contract [default: that of your key]
    #[arg(long, value_name = "ADDRESS")]
    owner: Option<Address>,
    /// Address that gets the platform's share [default: the owner's]
    #[arg(long, value_name = "ADDRESS")]
    treasury: Option<Address>,
    /// Chain that the endpoint must serve [default: whichever it does]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Chain")]
    chain_id: Option<u64>,
    #[command(flatten)]
    rpc: Rpc,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    pub(super) shown: Shown,
}

/// What is there now.
#[derive(Serialize)]
struct Deployed {
    chain_id: u64,
    contract: Address,
    owner: Address,
    treasury: Address,
    fee_bps: u16,
    tx_hash: String,
    block: u64,
}

pub(crate) async fn deploy(args: DeployArgs) -> Result<()> {
    one_reader_of_stdin(&args.signing.readers())?;
    let rpc = args.rpc.endpoints("the chain")?;
    let Some(first) = rpc.first() else { return Err(no_rpc("the chain")) };
    let id = chain_id(first.as_str()).await.map_err(failed)?;
    if let Some(wanted) = args.chain_id.filter(|wanted| *wanted != id) {
        let sentence =
            format!("the endpoint serves chain {}, not {}", network_text(id), network_text(wanted));
        return Err(Failure::new("chain_wrong", sentence).hint("name an endpoint of the chain you mean"));
    }
    let signer = args.signing.key.signer()?;
    let owner = args.owner.unwrap_or(signer.address());
    let treasury = args.treasury.unwrap_or(owner);
    // Nothing is called: any address does.
    let reader = Reader::new(settings(id, Address::new([1; 20]), &rpc)?).map_err(failed)?;
    let address = signer.address();
    let sender = args.signing.deploying(Sender::new(reader, signer));
    let fee = sender.highest_fee_to_deploy(owner, treasury, args.fee).await;
    let fee = fee.map_err(|error| unsent(error, id))?;
    let what = format!(
        "Deploy a marketplace on chain {}, from {}.\nOwner: {}\nTreasury: {}\nThe platform's share of sales: {}\nThe network takes at most {}.",
        network_text(id),
        address.checksummed(),
        owner.checksummed(),
        treasury.checksummed(),
        percent(args.fee),
        coin_text(id, fee)
    );
    confirm(args.signing.yes, &what)?;
    say!("Deploying ...");
    let made = sender.deploy(owner, treasury, args.fee).await.map_err(|error| unsent(error, id))?;
    let deployed = Deployed {
        chain_id: id,
        contract: made.contract,
        owner,
        treasury,
        fee_bps: args.fee,
        tx_hash: made.tx.to_string(),
        block: made.block.number,
    };
    let facts = facts([
        ("Contract", Some(made.contract.checksummed())),
        ("Transaction", Some(deployed.tx_hash.clone())),
        ("Block", Some(deployed.block.to_string())),
    ]);
    say!("{}", facts.trim_end());
    say!(
        "This goes into the store's settings; of three endpoints of different providers, one may lie or fail:"
    );
    answer(args.shown.json, &deployed, |deployed| table(deployed, &rpc));
    Ok(())
}

/// The table `[chain]` of a store that sells by it. Paths of endpoints may hold keys, and stay out of what is printed.
fn table(deployed: &Deployed, rpc: &[Url]) -> String {
    let hosts: Vec<_> = rpc.iter().map(|url| format!("{:?}", url.origin().ascii_serialization())).collect();
    format!(
        "[chain]\nid = {}\ncontract = \"{}\"\nfrom_block = {}\nrpc = [{}]\n",
        deployed.chain_id,
        deployed.contract.checksummed(),
        deployed.block,
        hosts.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_one_that_a_store_reads_and_holds_no_key_of_an_endpoint() {
        let deployed = Deployed {
            chain_id: 8453,
            contract: Address::new([0xab; 20]),
            owner: Address::new([1; 20]),
            treasury: Address::new([2; 20]),
            fee_bps: 1500,
            tx_hash: String::new(),
            block: 7,
        };
        let rpc: Url = "https://rpc.example/v2/hunter2".parse().unwrap();
        let text = table(&deployed, &[rpc]);
        assert!(!text.contains("hunter2"), "{text}");
        #[derive(serde::Deserialize)]
        struct File {
            chain: sealpost_chain::Settings,
        }
        let read = toml::from_str::<File>(&text).unwrap().chain;
        assert_eq!((read.chain_id, read.contract, read.from_block), (8453, deployed.contract, 7));
    }
}
