//! `chain buy`: proves the buyer's key, pays for it, and waits for the licence.

use std::str::FromStr;

use clap::Args;
use sealpost_api::{
    catalogue::Listing,
    chain::{ChainOffer, PaymentList},
    purchase::{Licence, Payment, PurchaseRequest, PurchaseResponse},
};
use sealpost_chain::Signer;
use sealpost_market::{
    Money, Version,
    chain::{ChainHash, ContractCall},
};
use serde::Serialize;

use super::{
    buying_key::{BuyingKey, Candidate, Keys},
    confirm::confirm,
    contract::Contract,
    info::chain_name,
    link::link,
    market::{Cost, Item, Market},
    options::{Node, Signing},
    status::{Subject, ended, wait},
};
use crate::{
    client::Client,
    commands::buying::{bought, fetch_licences, prints_left},
    connection::{Connection, listing_name},
    failure::{Exit, Failure, Result},
    input::one_reader_of_stdin,
    output::{answer, say},
    recipient::next_index,
};

const HELP: &str = "\
The money is paid for a key of yours: the next one of your wallet (`sealpost wallet new`), which the
store is shown to be yours first. Whatever ends the command after the payment, nothing is lost: the
store sees it on chain by itself, and the same command finds it again instead of paying twice.

Examples:
  sealpost chain buy org.example.viewer --rpc https://rpc.example
  sealpost chain buy vase --max-price '2 USDC' --yes";

#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct BuyArgs {
    /// Listing to buy, or its plugin's id
    #[arg(value_parser = listing_name)]
    listing: String,
    /// Version to buy [default: the newest]
    #[arg(long, value_parser = Version::from_str)]
    version: Option<Version>,
    /// Pay no more than this, such as '2 USDC'
    #[arg(long, value_name = "MONEY", value_parser = Money::from_str)]
    max_price: Option<Money>,
    /// Buy it once more, though you have a licence for it
    #[arg(long)]
    again: bool,
    /// Do not wait until the payment counts
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    device: BuyingKey,
    #[command(flatten)]
    node: Node,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// What was bought.
#[derive(Serialize)]
struct Bought {
    /// Whether this command paid.
    paid: bool,
    #[serde(flatten)]
    response: PurchaseResponse,
}

/// What the buyer had before.
#[derive(Serialize)]
struct Had<'a> {
    paid: bool,
    licence: &'a Licence,
}

/// What every step needs.
struct Till {
    client: Client,
    market: Market,
    contract: Contract,
    listing: Listing,
    offer: ChainOffer,
    item: Item,
    cost: Cost,
}

pub(crate) async fn buy(args: BuyArgs) -> Result<()> {
    let mut readers: Vec<_> = args.device.readers().collect();
    readers.extend(args.signing.readers());
    one_reader_of_stdin(&readers)?;
    let client = Client::signed_in(&args.connection)?;
    let listing: Listing = client.get(&["api", "v1", "listings", &args.listing], &[]).await?;
    let licences = fetch_licences(&client).await?.licences;
    if !args.again
        && let Some(licence) = licences.iter().find(|licence| is_good_for(licence, &listing))
    {
        say!("You have a licence for it already, and nothing was paid; --again buys another.");
        had(&args, licence);
        return Ok(());
    }
    let market = Market::of_store(&client, &args.node).await?;
    let contract = market.connect(&args.node)?;
    let (offer, item, cost) = market.offer(&client, &listing, args.version.as_ref()).await?;
    let till = Till { client, market, contract, listing, offer, item, cost };

    let first = if till.listing.kind == "plugin" { next_index(&licences)? } else { 0 };
    let Some((candidate, paid)) = till.choose(args.device.keys(first)?).await? else {
        let licences = fetch_licences(&till.client).await?.licences;
        let licence = licences.iter().find(|licence| is_good_for(licence, &till.listing));
        let licence = licence.ok_or_else(|| no_licence("what was paid for this key"))?;
        had(&args, licence);
        return Ok(());
    };
    link(&till.client, &candidate.key).await?;
    let tx = match paid {
        Some(tx) => {
            say!("This key was paid for before, in transaction {tx}: going on from there.");
            tx
        }
        None => till.pay(&args, &candidate).await?,
    };
    let response = till.tell(tx, &candidate).await?;
    let response = if args.no_wait { response } else { till.settled(tx, response).await? };
    let bought = Bought { paid: paid.is_none(), response };
    answer(args.connection.json, &bought, |bought| describe(bought, tx));
    Ok(())
}

impl Till {
    /// A key that nothing was bought for; or one that was paid for without a licence having come of it, with the
    /// transaction. Nothing where the key's licence had no account and is the buyer's from now on.
    async fn choose(&self, mut keys: Keys) -> Result<Option<(Candidate, Option<ChainHash>)>> {
        loop {
            let candidate = keys.next()?;
            if !self.contract.verified(self.item.id, &candidate.on_chain).await? {
                return Ok(Some((candidate, None)));
            }
            let paid =
                self.contract.purchase_of(self.item.id, &candidate.on_chain).await?.ok_or_else(|| {
                    Failure::new(
                        "payment_not_found",
                        "the contract knows a purchase for this key, and no endpoint finds its event",
                    )
                    .hint("name another endpoint with --rpc; this one may keep no old events")
                })?;
            if !self.has_licence(paid).await? {
                return Ok(Some((candidate, Some(paid))));
            }
            if link(&self.client, &candidate.key).await?.licences > 0 {
                say!(
                    "This key was paid for before, without an account: what was bought is yours now, nothing was paid."
                );
                return Ok(None);
            }
            if keys.is_one() {
                let sentence =
                    format!("{} was bought for this key before, in transaction {paid}", self.item.text);
                return Err(Failure::new("already_bought", sentence)
                    .hint("`sealpost licences` shows what you have; another key buys it once more"));
            }
        }
    }

    /// Whether the store made a licence of a payment before.
    async fn has_licence(&self, tx: ChainHash) -> Result<bool> {
        let known = self.client.get(&["api", "v1", "payments", &tx.to_string()], &[]).await;
        let known: PaymentList = match known {
            Ok(known) => known,
            Err(failure) if failure.status() == Some(404) => return Ok(false),
            Err(failure) => return Err(failure),
        };
        let of_item =
            |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok()) == Some(self.item.id);
        let mut payments = known.payments.iter().filter(|known| of_item(&known.item));
        Ok(payments.any(|known| known.payment.state == "settled"))
    }

    /// Pays, after the last looks. Gives the transaction.
    async fn pay(&self, args: &BuyArgs, candidate: &Candidate) -> Result<ChainHash> {
        self.check_offer(args).await?;
        let signer = args.signing.key.signer()?;
        let allowed = self.check_money(&signer).await?;
        let key = match candidate.recipient.index {
            Some(index) => format!("key {index} of your wallet ({})", candidate.recipient.curve),
            None => format!("your device's key ({})", candidate.recipient.curve),
        };
        let price = self.market.text(self.cost.token, self.cost.amount);
        let what = format!(
            "Buy {} for {price} and the network's fee, for {key}.\nFrom {} to {}, by contract {} on chain {}.",
            self.item.text,
            signer.address().checksummed(),
            self.offer.publisher,
            self.market.contract,
            chain_name(self.market.info.chain_id)
        );
        confirm(args.signing.yes, &what)?;
        let Cost { token, amount } = self.cost;
        if let (Some(token), false) = (token, allowed) {
            say!("Allowing the contract to take {price} ...");
            self.contract.approve(&args.signing, &signer, token, amount).await?;
        }
        say!("Paying {price} ...");
        let call =
            ContractCall::Purchase { item: self.item.id, key: candidate.on_chain.clone(), token, amount };
        let tx =
            self.contract.purchase(&args.signing, &signer, &call).await.map_err(|failure| {
                match failure.is_code("not_mined") {
                    true => failure
                        .hint("it may still come: the same command finds it again, and pays no second time"),
                    false => failure,
                }
            })?;
        say!("Paid in transaction {tx}.");
        Ok(tx)
    }

    /// The price is the one the buyer expects, and the contract, which is asked itself, has the same.
    async fn check_offer(&self, args: &BuyArgs) -> Result<()> {
        let listed = self.contract.listing(self.item.id).await?.filter(|listed| listed.active);
        let refused = |sentence: String| {
            Failure::new("not_listed", sentence)
                .hint("nothing was paid: its seller puts it right with `sealpost chain list`")
        };
        let Some(listed) = listed else {
            return Err(refused(format!("{} is not listed in the contract", self.item.text)));
        };
        let same = Cost { token: listed.token, amount: listed.price } == self.cost;
        if !same || self.offer.publisher.parse() != Ok(listed.publisher) {
            return Err(refused(format!(
                "the contract sells {} for {}, paid to {}; the store says {}, paid to {}",
                self.item.text,
                self.market.text(listed.token, listed.price),
                listed.publisher,
                self.market.text(self.cost.token, self.cost.amount),
                self.offer.publisher
            )));
        }
        if let Some(newest) = &self.offer.newest {
            say!("Version {newest} is there, and not sold on chain yet; this is {}.", self.offer.version);
        }
        let Some(most) = &args.max_price else { return Ok(()) };
        let price = Money::parse(&self.offer.amount, &self.offer.currency);
        match price {
            Ok(price) if price.currency == most.currency && price.amount <= most.amount => Ok(()),
            _ => {
                let price = self.market.text(self.cost.token, self.cost.amount);
                Err(Failure::new("too_dear", format!("it costs {price}, and you pay at most {most}"))
                    .hint("nothing was paid; raise --max-price"))
            }
        }
    }

    /// Says what is missing before anything is sent; whether the contract may take the token already.
    async fn check_money(&self, signer: &Signer) -> Result<bool> {
        let Cost { token, amount } = self.cost;
        let address = signer.address();
        let has = self.contract.funds(address, token).await?;
        if has < amount {
            let sentence = format!(
                "{} has {}, and the price is {}",
                address.checksummed(),
                self.market.text(token, has),
                self.market.text(token, amount)
            );
            return Err(Failure::new("not_enough_money", sentence)
                .hint("send some to that address, or pay by another key with --key FILE"));
        }
        if token.is_some() && self.contract.funds(address, None).await? == 0 {
            let coin = &self.market.info.coin.symbol;
            return Err(Failure::new(
                "not_enough_money",
                format!("{} has no {coin} for the network's fees", address.checksummed()),
            )
            .hint(format!("send a little {coin} to that address")));
        }
        match token {
            Some(token) => Ok(self.contract.allowance(token, address).await? >= amount),
            None => Ok(true),
        }
    }

    /// Names the payment to the store, so that it need not be found.
    async fn tell(&self, tx: ChainHash, candidate: &Candidate) -> Result<PurchaseResponse> {
        let recipient = (self.listing.kind == "plugin").then(|| candidate.recipient.clone());
        let request = PurchaseRequest {
            listing: self.listing.id.clone(),
            payment: Payment::Chain { tx_hash: tx.to_string() },
            recipient,
        };
        let told = self.client.post(&["api", "v1", "purchases"], &request).await;
        told.map_err(|failure| match failure.is(Exit::Unreachable) {
            true => failure.hint(format!(
                "transaction {tx} is paid, and the store finds it by itself; the same command goes on from here"
            )),
            false => failure,
        })
    }

    /// The purchase once its payment counts.
    async fn settled(&self, tx: ChainHash, told: PurchaseResponse) -> Result<PurchaseResponse> {
        if told.licence.is_some() {
            return Ok(told);
        }
        let found = wait(&self.client, &Subject::Purchase(told.purchase.id.clone())).await?;
        ended(&found.recorded.payment)?;
        let path = ["api", "v1", "purchases", &told.purchase.id];
        let response: PurchaseResponse = self.client.get(&path, &[]).await?;
        if response.licence.is_none() {
            return Err(no_licence(&format!("payment {tx}")));
        }
        Ok(response)
    }
}

fn had(args: &BuyArgs, licence: &Licence) {
    answer(args.connection.json, &Had { paid: false, licence }, |had| bought(had.licence, None));
}

fn no_licence(of: &str) -> Failure {
    Failure::new("no_licence", format!("no licence came of {of}"))
        .hint("`sealpost chain status TX` says more; else ask the store's operator")
}

fn is_good_for(licence: &Licence, listing: &Listing) -> bool {
    licence.listing == listing.id
        && licence.state == "active"
        && (licence.devices.is_some() || prints_left(licence) > 0)
}

fn describe(found: &Bought, tx: ChainHash) -> String {
    match &found.response.licence {
        Some(licence) => bought(licence, found.response.device.as_ref()),
        None => format!(
            "Paid: purchase {}, transaction {tx}.\nYour licence is there once it counts: `sealpost chain status {} --wait`.",
            found.response.purchase.id, found.response.purchase.id
        ),
    }
}
