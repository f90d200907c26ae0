//! `chain list`, `unlist`, `transfer`, `accept`.

use std::str::FromStr;

use clap::Args;
use sealpost_api::{
    catalogue::{Listing, ListingChanges, Price},
    chain::PayoutChange,
};
use sealpost_chain::Signer;
use sealpost_market::{
    Money, Version,
    chain::{Address, ContractCall},
};
use serde::Serialize;

use super::{
    amounts::proceeds,
    contract::{Call, Contract},
    market::{Cost, Item, Market, item, named, odd},
    options::Sending,
};
use crate::{
    client::Client,
    commands::listings::price_text,
    connection::listing_name,
    failure::{Failure, Result},
    input::one_reader_of_stdin,
    output::{answer, say},
};

const LIST_HELP: &str = "\
What is sold is the newest version; publish a later one, and list again. Versions that are listed
already get the price of today too, because the store counts no payment of another one. Money from
sales goes to the address of your key, which becomes the listing's payout address, and stays in
the contract until you withdraw it.

Examples:
  sealpost chain list org.example.viewer
  sealpost chain list org.example.viewer --price 1.50 --currency USDC";

const UNLIST_HELP: &str = "\
Every version that the contract sells is taken off, and the listing's payout address with it; with
--version that one alone. Licences and withdrawals stay as they are.";

#[derive(Args, Debug)]
#[command(after_help = LIST_HELP)]
pub(crate) struct ListArgs {
    /// Listing of yours, or its plugin's id
    #[arg(value_parser = listing_name)]
    listing: String,
    /// Version to sell [default: the newest]
    #[arg(long, value_parser = Version::from_str)]
    version: Option<Version>,
    /// New price, such as 1.50 [default: the listing's]
    #[arg(long, value_name = "AMOUNT", requires = "currency")]
    price: Option<String>,
    /// Currency of the new price: the chain's coin, or a token that the store takes
    #[arg(long, value_name = "CODE", requires = "price")]
    currency: Option<String>,
    /// Token of the price, by its address: for one that calls itself otherwise than the store does
    #[arg(long, value_name = "ADDRESS")]
    token: Option<Address>,
    #[command(flatten)]
    pub(super) sending: Sending,
}

#[derive(Args, Debug)]
#[command(after_help = UNLIST_HELP)]
pub(crate) struct UnlistArgs {
    /// Listing of yours, or its plugin's id
    #[arg(value_parser = listing_name)]
    listing: String,
    /// Version to take off [default: all]
    #[arg(long, value_parser = Version::from_str)]
    version: Option<Version>,
    #[command(flatten)]
    pub(super) sending: Sending,
}

#[derive(Args, Debug)]
#[command(
    after_help = "What was earned before stays with the address that earned it. The new one accepts with
`sealpost chain accept`, and says `sealpost chain list`, as the listing's publisher, to be paid."
)]
pub(crate) struct TransferArgs {
    /// Listing of yours, or its plugin's id
    #[arg(value_parser = listing_name)]
    listing: String,
    /// Address that is to sell it
    #[arg(long, value_name = "ADDRESS")]
    to: Address,
    /// Version to hand over [default: the newest]
    #[arg(long, value_parser = Version::from_str)]
    version: Option<Version>,
    #[command(flatten)]
    pub(super) sending: Sending,
}

#[derive(Args, Debug)]
pub(crate) struct AcceptArgs {
    /// Listing that was offered to your address, or its plugin's id
    #[arg(value_parser = listing_name)]
    listing: String,
    /// Version to take over [default: the newest]
    #[arg(long, value_parser = Version::from_str)]
    version: Option<Version>,
    #[command(flatten)]
    pub(super) sending: Sending,
}

/// What is on the contract now.
#[derive(Serialize)]
struct Listed {
    listing: String,
    publisher: Address,
    items: Vec<ListedItem>,
}

/// One version.
#[derive(Serialize)]
struct ListedItem {
    item_text: String,
    item: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee_bps: Option<u16>,
    /// Absent where it was as it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    tx_hash: Option<String>,
}

/// What the commands of this file begin with.
struct Desk {
    client: Client,
    market: Market,
    contract: Contract,
    signer: Signer,
    listing: Listing,
}

impl Desk {
    async fn open(name: &str, sending: &Sending) -> Result<Self> {
        one_reader_of_stdin(&sending.signing.readers())?;
        let client = Client::signed_in(&sending.connection)?;
        let market = Market::of_store(&client, &sending.node).await?;
        let contract = market.connect(&sending.node)?;
        let listing: Listing = client.get(&["api", "v1", "listings", name], &[]).await?;
        let signer = sending.signing.key.signer()?;
        Ok(Self { client, market, contract, signer, listing })
    }

    /// The versions that people may buy, newest first.
    fn versions(&self) -> Vec<Version> {
        let active = self.listing.releases.iter().filter(|release| release.state == "active");
        let mut versions: Vec<Version> = active.filter_map(|release| release.version.parse().ok()).collect();
        versions.sort_unstable_by(|a, b| b.cmp(a));
        versions
    }

    /// The version that is meant: the newest that is finished, where none is named.
    fn version(&self, wanted: Option<&Version>) -> Result<Version> {
        let newest = || self.versions().into_iter().find(|version| !version.is_prerelease());
        wanted.cloned().or_else(newest).ok_or_else(|| {
            Failure::new("no_release", format!("{} has no version to sell", self.listing.id))
                .hint("publish one first: sealpost publish FILE --listing ID")
        })
    }

    fn item(&self, wanted: Option<&Version>) -> Result<Item> {
        item(&self.listing, &self.version(wanted)?.to_string())
    }

    /// Whether this key's address sells the item; an error where another one does.
    async fn sells(&self, item: &Item) -> Result<Option<Cost>> {
        match self.contract.listing(item.id).await? {
            Some(listed) if listed.publisher == self.signer.address() => {
                Ok(listed.active.then_some(Cost { token: listed.token, amount: listed.price }))
            }
            Some(listed) => Err(Failure::new(
                "not_publisher",
                format!(
                    "{} is sold by {}, and this key's address is {}",
                    item.text,
                    listed.publisher,
                    self.signer.address()
                ),
            )
            .hint(
                "name that address's key with --key FILE, or have it handed over: sealpost chain transfer",
            )),
            None => Ok(None),
        }
    }
}

pub(crate) async fn list(args: ListArgs) -> Result<()> {
    let price = new_price(&args)?;
    let mut desk = Desk::open(&args.listing, &args.sending).await?;
    let wanted = match (&price, &desk.listing.price) {
        (Some(price), _) | (None, Some(price)) => price.clone(),
        (None, None) => {
            return Err(Failure::new(
                "listing_is_free",
                format!("{} is free: there is nothing to pay", desk.listing.id),
            )
            .hint("give it a price: --price 1.50 --currency USDC"));
        }
    };
    let token = desk.market.currency(&wanted.currency)?;
    desk.market.check_token(&desk.contract, token, args.token).await?;
    let version = desk.version(args.version.as_ref())?;
    let sold = item(&desk.listing, &version.to_string())?;
    // Whoever listed it first keeps it: before anything changes.
    desk.sells(&sold).await?;
    let share = desk.contract.fee_bps().await?;
    let amount = wanted.amount.parse().map_err(|_| odd("names a price that is no amount"))?;
    let price_text = desk.market.text(token, amount);
    let brings = proceeds(amount, share, |amount| desk.market.text(token, amount));
    let address = desk.signer.address();
    let mut what = format!(
        "Sell {} on chain for {price_text}: each sale brings {brings}.\nPaid to {}.",
        sold.text,
        address.checksummed(),
    );
    let payout = desk.listing.payout.as_deref().and_then(|payout| payout.parse::<Address>().ok());
    if let Some(before) = payout.filter(|before| *before != address) {
        what += &format!("\nUntil now it was paid to {}.", before.checksummed());
    }
    let call = Call::Market(ContractCall::List { item: sold.id, token, price: amount });
    let fee = desk.contract.highest_fee(&args.sending.signing, &desk.signer, &call).await?;
    desk.market.ask(&args.sending.signing, &what, &[token], fee)?;

    if price.is_some() && desk.listing.price != price {
        let changes = ListingChanges { price, ..ListingChanges::default() };
        desk.listing = desk.client.patch(&["api", "v1", "listings", &desk.listing.id], &changes).await?;
    }
    if payout != Some(address) {
        let change = PayoutChange { address: Some(address.to_string()) };
        desk.listing =
            desk.client.put(&["api", "v1", "listings", &desk.listing.id, "payout"], &change).await?;
    }
    let items = put_on(&desk, &args, &version, share).await?;
    let listed = Listed { listing: desk.listing.id.clone(), publisher: address, items };
    answer(args.sending.connection.json, &listed, |listed| describe(listed, &desk.listing));
    Ok(())
}

/// Lists the version that was asked for, and brings up to date what is listed already.
async fn put_on(desk: &Desk, args: &ListArgs, version: &Version, share: u16) -> Result<Vec<ListedItem>> {
    let (offer, first, cost) = desk.market.offer(&desk.client, &desk.listing, Some(version)).await?;
    if offer.publisher.parse() != Ok(desk.signer.address()) {
        return Err(odd("offers the listing for another address than it was just told"));
    }
    let mut items = vec![(first, true)];
    if args.version.is_none() {
        for other in desk.versions().iter().filter(|other| *other != version) {
            items.push((item(&desk.listing, &other.to_string())?, false));
        }
    }
    let mut listed = Vec::new();
    for (item, wanted) in items {
        let now = match desk.sells(&item).await {
            Err(failure) if wanted => return Err(failure),
            Err(failure) if failure.is_code("not_publisher") => continue,
            Err(failure) => return Err(failure),
            Ok(now) => now,
        };
        if !wanted && now.is_none() {
            continue;
        }
        let mut tx_hash = None;
        if now != Some(cost) {
            say!("Listing {} ...", item.text);
            let call = ContractCall::List { item: item.id, token: cost.token, price: cost.amount };
            let sent =
                desk.contract.send_quietly(&args.sending.signing, &desk.signer, &Call::Market(call)).await?;
            tx_hash = Some(sent.tx.to_string());
        }
        let price = desk.listing.price.clone();
        listed.push(ListedItem {
            item: item.id.to_string(),
            item_text: item.text,
            price,
            fee_bps: Some(share),
            tx_hash,
        });
    }
    Ok(listed)
}

pub(crate) async fn unlist(args: UnlistArgs) -> Result<()> {
    let desk = Desk::open(&args.listing, &args.sending).await?;
    let (mut items, mut others) = (Vec::new(), None);
    for release in &desk.listing.releases {
        let wanted = args.version.as_ref().is_none_or(|version| version.to_string() == release.version);
        if !wanted {
            continue;
        }
        let item = item(&desk.listing, &release.version)?;
        match desk.sells(&item).await {
            Ok(Some(_)) => items.push(item),
            Ok(None) => {}
            Err(failure) if failure.is_code("not_publisher") => others = Some(failure),
            Err(failure) => return Err(failure),
        }
    }
    if let (true, Some(others)) = (items.is_empty(), others) {
        return Err(others);
    }
    if items.is_empty() && (args.version.is_some() || desk.listing.payout.is_none()) {
        return Err(Failure::new("not_listed", format!("the contract sells nothing of {}", desk.listing.id))
            .hint(format!("`sealpost listings {}` shows its versions", desk.listing.id)));
    }
    let names: Vec<_> = items.iter().map(|item| item.text.as_str()).collect();
    let what = format!("Take off the contract: {}.", named(&desk.listing));
    desk.market.ask(&args.sending.signing, &what, &[], args.sending.signing.most_fee())?;
    if args.version.is_none() {
        let gone = PayoutChange { address: None };
        let _: Listing =
            desk.client.put(&["api", "v1", "listings", &desk.listing.id, "payout"], &gone).await?;
    }
    let mut off = Vec::new();
    for item in &items {
        say!("Taking off {} ...", item.text);
        let call = Call::Market(ContractCall::Unlist { item: item.id });
        let sent = desk.contract.send_quietly(&args.sending.signing, &desk.signer, &call).await?;
        off.push(ListedItem {
            item_text: item.text.clone(),
            item: item.id.to_string(),
            price: None,
            fee_bps: None,
            tx_hash: Some(sent.tx.to_string()),
        });
    }
    let done = Listed { listing: desk.listing.id.clone(), publisher: desk.signer.address(), items: off };
    answer(args.sending.connection.json, &done, |done| match done.items.is_empty() {
        true => format!("{} is no longer offered on chain.", done.listing),
        false => format!("Taken off: {}.", names.join(", ")),
    });
    Ok(())
}

pub(crate) async fn transfer(args: TransferArgs) -> Result<()> {
    let desk = Desk::open(&args.listing, &args.sending).await?;
    let item = desk.item(args.version.as_ref())?;
    let what = format!(
        "Offer {} to {}, who sells it from then on.\nWhat it earned before stays yours.",
        item.text,
        args.to.checksummed()
    );
    let call = Call::Market(ContractCall::TransferListing { item: item.id, to: args.to });
    let sent = desk.market.send(&desk.contract, &args.sending.signing, &desk.signer, &call, &what).await?;
    handed(
        args.sending.connection.json,
        item,
        &sent.tx.to_string(),
        &format!("offered to {}", args.to.checksummed()),
    );
    Ok(())
}

pub(crate) async fn accept(args: AcceptArgs) -> Result<()> {
    let desk = Desk::open(&args.listing, &args.sending).await?;
    let item = desk.item(args.version.as_ref())?;
    let what =
        format!("Take over {}: {} sells it from now on.", item.text, desk.signer.address().checksummed());
    let call = Call::Market(ContractCall::AcceptListing { item: item.id });
    let sent = desk.market.send(&desk.contract, &args.sending.signing, &desk.signer, &call, &what).await?;
    handed(args.sending.connection.json, item, &sent.tx.to_string(), "yours");
    Ok(())
}

fn handed(json: bool, item: Item, tx: &str, now: &str) {
    let told = ListedItem {
        item_text: item.text,
        item: item.id.to_string(),
        price: None,
        fee_bps: None,
        tx_hash: Some(tx.to_owned()),
    };
    answer(json, &told, |told| format!("{} is {now}: transaction {tx}.", told.item_text));
}

fn describe(listed: &Listed, listing: &Listing) -> String {
    let mut text = String::new();
    for item in &listed.items {
        text += &match &item.tx_hash {
            Some(tx) => format!(
                "{} is sold for {}: transaction {tx}.\n",
                item.item_text,
                price_text(item.price.as_ref())
            ),
            None => format!("{} is sold for {} already.\n", item.item_text, price_text(item.price.as_ref())),
        };
    }
    let name = listing.plugin.as_ref().map_or(&listing.id, |plugin| &plugin.plugin_id);
    text + &format!("Buyers pay at the store's page, or with `sealpost chain buy {name}`.\n")
}

fn new_price(args: &ListArgs) -> Result<Option<Price>> {
    let (Some(amount), Some(currency)) = (&args.price, &args.currency) else { return Ok(None) };
    let money: Money = format!("{amount} {currency}").parse().map_err(|_| {
        Failure::usage("bad_price", format!("{amount} {currency} is no price"))
            .hint("write it such as --price 1.50 --currency USDC, with the decimals that currency has")
    })?;
    if money.amount == 0 {
        return Err(Failure::usage("bad_price", "a price of nothing is not paid on chain")
            .hint("name an amount, or leave the listing free"));
    }
    Ok(Some(Price { amount: money.amount_text(), currency: money.currency.to_string() }))
}
