//! `chain buy`: proves the buyer's key, pays for it, and waits for the licence.

mod choice;

use std::str::FromStr;

use clap::Args;
use sealpost_api::{
    catalogue::Listing,
    chain::ChainOffer,
    purchase::{Licence, Payment, PurchaseRequest, PurchaseResponse},
};
use sealpost_chain::Signer;
use sealpost_market::{
    Money, Version,
    chain::{Address, ChainHash, ContractCall, network},
};
use serde::Serialize;

use self::choice::{Choice, is_good_for};
use super::{
    buying_key::{BuyingKey, Candidate},
    contract::{Call, Contract},
    link::link,
    market::{Cost, Item, Market},
    options::Sending,
    pins::Pins,
    status::{Subject, ended, wait},
};
use crate::{
    client::Client,
    commands::buying::{bought, fetch_licences},
    connection::listing_name,
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
    /// Token to pay in, by its address: for one that calls itself otherwise than the store does
    #[arg(long, value_name = "ADDRESS")]
    token: Option<Address>,
    /// Buy it once more, though you have a licence for it
    #[arg(long)]
    again: bool,
    /// Do not wait until the payment counts
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    device: BuyingKey,
    #[command(flatten)]
    pub(super) sending: Sending,
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
    readers.extend(args.sending.signing.readers());
    one_reader_of_stdin(&readers)?;
    let client = Client::signed_in(&args.sending.connection)?;
    let listing: Listing = client.get(&["api", "v1", "listings", &args.listing], &[]).await?;
    let licences = fetch_licences(&client).await?.licences;
    if !args.again
        && let Some(licence) = licences.iter().find(|licence| is_good_for(licence, &listing.id))
    {
        had(&args, licence);
        return Ok(());
    }
    let mut market = Market::of_store(&client, &args.sending.node).await?;
    let contract = market.connect(&args.sending.node)?;
    let (offer, item, cost) = market.offer(&client, &listing, args.version.as_ref()).await?;
    market.check_token(&contract, cost.token, args.token).await?;
    let till = Till { client, market, contract, listing, offer, item, cost };

    let first = if till.listing.kind == "plugin" { next_index(&licences)? } else { 0 };
    let choice = match args.again {
        true => till.choose_another(&args, first).await?,
        false => till.choose(&args, first).await?,
    };
    let (candidate, tx, paid) = match choice {
        Choice::Had(licence) => {
            till.forget()?;
            had(&args, &licence);
            return Ok(());
        }
        Choice::GoOn(candidate, tx) => {
            say!("This key was paid for before, in transaction {tx}: going on from there.");
            (candidate, tx, false)
        }
        Choice::Pay(candidate) => {
            link(&till.client, &candidate.key).await?;
            let tx = till.pay(&args, &candidate).await?;
            (candidate, tx, true)
        }
    };
    let response = till.tell(tx, &candidate).await?;
    let response = if args.no_wait { response } else { till.settled(tx, response).await? };
    if response.licence.is_some() {
        till.forget()?;
    }
    answer(args.sending.connection.json, &Bought { paid, response }, |bought| describe(bought, tx));
    Ok(())
}

impl Till {
    fn store(&self) -> String {
        self.client.store().to_string()
    }

    fn forget(&self) -> Result<()> {
        Pins::forget(&self.store(), self.item.id)
    }

    /// Pays, after the last looks. Gives the transaction.
    async fn pay(&self, args: &BuyArgs, candidate: &Candidate) -> Result<ChainHash> {
        self.check_offer(args).await?;
        let signer = args.sending.signing.key.signer()?;
        let allowed = self.check_money(&signer).await?;
        let key = match candidate.recipient.index {
            Some(index) => format!("key {index} of your wallet ({})", candidate.recipient.curve),
            None => format!("your device's key ({})", candidate.recipient.curve),
        };
        let price = self.market.text(self.cost.token, self.cost.amount);
        let what = format!(
            "Buy {} for {price} and the network's fee, for {key}.\nFrom {} to {}.",
            self.item.text,
            signer.address().checksummed(),
            self.offer.publisher,
        );
        let Cost { token, amount } = self.cost;
        let call =
            ContractCall::Purchase { item: self.item.id, key: candidate.on_chain.clone(), token, amount };
        let fee = match allowed {
            true => {
                self.contract.highest_fee(&args.sending.signing, &signer, &Call::Market(call.clone())).await?
            }
            false => args.sending.signing.most_fee(),
        };
        self.market.ask(&args.sending.signing, &what, &[token], fee)?;
        Pins::note(&self.store(), self.item.id, &candidate.on_chain)?;
        if let (Some(token), false) = (token, allowed) {
            say!("Allowing the contract to take {price} ...");
            self.contract.approve(&args.sending.signing, &signer, token, amount).await?;
        }
        say!("Paying {price} ...");
        let tx = self.contract.purchase(&args.sending.signing, &signer, &call).await.map_err(|failure| {
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
        let chain = self.market.info.chain_id;
        if self.cost.token.is_none() && network(chain).is_none() {
            let sentence = format!("what the coin of chain {chain} is called is known from the store alone");
            return Err(Failure::new("coin_unknown", sentence)
                .hint("nothing was paid; leave --max-price out, and read the price in the question"));
        }
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
            let coin = self.market.coin();
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
            note: None,
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
    match licence.state.as_str() {
        "active" => say!("You have a licence for it already, and nothing was paid; --again buys another."),
        state => say!(
            "You have a licence for it already, which is {state} for now, and nothing was paid; --again buys another."
        ),
    }
    answer(args.sending.connection.json, &Had { paid: false, licence }, |had| bought(had.licence, None));
}

fn no_licence(of: &str) -> Failure {
    Failure::new("no_licence", format!("no licence came of {of}"))
        .hint("`sealpost chain status TX` says more; else ask the store's operator")
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
