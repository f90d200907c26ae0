//! `chain buy`: proves the buyer's key, pays for it, and waits for the licence.

use std::str::FromStr;

use clap::Args;
use sealpost_api::{
    catalogue::Listing,
    chain::{ChainOffer, KeyList, PaymentList, RecordedPayment},
    purchase::{Licence, Payment, PurchaseRequest, PurchaseResponse},
};
use sealpost_chain::Signer;
use sealpost_envelope::ecdh::SecretKey;
use sealpost_market::{
    DeviceKey, Money, Version,
    chain::{Address, BuyerKey, ChainHash, ContractCall, network},
};
use serde::Serialize;

use super::{
    buying_key::{BuyingKey, Candidate},
    contract::{Call, Contract},
    link::link,
    market::{Cost, Item, Market},
    options::{Node, Signing},
    pins::Pins,
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

/// What is to be done.
enum Choice {
    /// The buyer has it.
    Had(Box<Licence>),
    /// This key was paid for, and nothing came of it yet.
    GoOn(Box<Candidate>, ChainHash),
    /// Nothing was paid: pay for this key.
    Pay(Box<Candidate>),
}

/// What a key was paid for.
enum Standing {
    /// Nothing, or it was given back.
    Free,
    /// It was, and the store made no licence of it yet.
    Unsettled(ChainHash),
    /// The buyer's licence came of it.
    Had(Box<Licence>),
    /// A licence of the buyer's came of it that opens nothing more.
    UsedUp,
    /// A licence of somebody else's came of it.
    Others(ChainHash),
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
        && let Some(licence) = licences.iter().find(|licence| is_good_for(licence, &listing.id))
    {
        had(&args, licence);
        return Ok(());
    }
    let mut market = Market::of_store(&client, &args.node).await?;
    let contract = market.connect(&args.node)?;
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
    answer(args.connection.json, &Bought { paid, response }, |bought| describe(bought, tx));
    Ok(())
}

impl Till {
    /// Looks at every key that this buyer may have paid for before one is paid for: those of the wallet up to `first`, those
    /// that are linked to the account, and the one that an earlier command was about to pay for.
    async fn choose(&self, args: &BuyArgs, first: u32) -> Result<Choice> {
        let noted = Pins::load()?.noted(&self.store(), self.item.id);
        let mut keys = args.device.keys(0)?;
        let (mut chosen, mut seen) = (None, Vec::new());
        loop {
            let candidate = Box::new(keys.next()?);
            seen.push(candidate.on_chain.clone());
            let is_last = keys.is_one() || candidate.recipient.index.is_none_or(|index| index >= first);
            match self.standing(&candidate.on_chain, Some(&candidate.key)).await? {
                Standing::Free if noted.as_ref() == Some(&candidate.on_chain) => chosen = Some(candidate),
                Standing::Free if is_last => chosen = chosen.or(Some(candidate)),
                Standing::Free => {}
                Standing::UsedUp if !keys.is_one() => continue,
                Standing::Had(licence) => return Ok(Choice::Had(licence)),
                Standing::Unsettled(tx) => return Ok(Choice::GoOn(candidate, tx)),
                Standing::UsedUp => return Err(self.ended()),
                Standing::Others(tx) => return Err(self.bought_before(Some(tx))),
            }
            if is_last {
                break;
            }
        }
        let linked: KeyList = self.client.get(&["api", "v1", "keys", "mine"], &[]).await?;
        let linked = linked.keys.into_iter().filter_map(|key| {
            BuyerKey::from_device(&DeviceKey { curve: key.curve, public_key: key.public_key }).ok()
        });
        for key in linked.chain(noted) {
            if seen.contains(&key) {
                continue;
            }
            match self.standing(&key, None).await? {
                Standing::Had(licence) => return Ok(Choice::Had(licence)),
                Standing::Unsettled(tx) => {
                    return Err(Failure::new(
                        "payment_under_way",
                        format!(
                            "{} was paid for already, for another key of yours, in transaction {tx}",
                            self.item.text
                        ),
                    )
                    .hint(format!(
                        "wait for it: sealpost chain status {tx} --wait\n--again pays for one more"
                    )));
                }
                Standing::Free | Standing::UsedUp | Standing::Others(_) => {}
            }
            seen.push(key);
        }
        chosen.map(Choice::Pay).ok_or_else(|| self.bought_before(None))
    }

    /// The first key from `first` on of which no licence came.
    async fn choose_another(&self, args: &BuyArgs, first: u32) -> Result<Choice> {
        let mut keys = args.device.keys(first)?;
        loop {
            let candidate = Box::new(keys.next()?);
            match self.standing(&candidate.on_chain, Some(&candidate.key)).await? {
                Standing::Free => return Ok(Choice::Pay(candidate)),
                Standing::Unsettled(tx) => return Ok(Choice::GoOn(candidate, tx)),
                Standing::Had(_) | Standing::UsedUp | Standing::Others(_) if keys.is_one() => {
                    return Err(self.bought_before(None));
                }
                Standing::Had(_) | Standing::UsedUp | Standing::Others(_) => {}
            }
        }
    }

    /// What a key was paid for; one whose private half is here is linked to the account, which brings along what was bought
    /// for it without one.
    async fn standing(&self, key: &BuyerKey, own: Option<&SecretKey>) -> Result<Standing> {
        if !self.contract.verified(self.item.id, key).await? {
            return Ok(Standing::Free);
        }
        let paid = self.contract.purchase_of(self.item.id, key).await?.ok_or_else(|| {
            Failure::new(
                "payment_not_found",
                "the contract knows a purchase for this key, and no endpoint finds its event",
            )
            .hint("name another endpoint with --rpc; this one may keep no old events")
        })?;
        if let Some(own) = own {
            link(&self.client, own).await?;
        }
        let settled = self.settled_payments(paid).await?;
        if settled.is_empty() {
            return Ok(Standing::Unsettled(paid));
        }
        // Only now: it may have come while the wallet was being opened.
        let licences = fetch_licences(&self.client).await?.licences;
        if let Some(licence) = licences.iter().find(|licence| is_good_for(licence, &self.listing.id)) {
            return Ok(Standing::Had(Box::new(licence.clone())));
        }
        let of_this = |licence: &&Licence| {
            settled.iter().any(|payment| payment.purchase.as_ref() == Some(&licence.purchase))
        };
        match licences.iter().any(|licence| of_this(&licence)) {
            true => Ok(Standing::UsedUp),
            false => Ok(Standing::Others(paid)),
        }
    }

    /// The payments of a transaction for this item that the store made a licence of, be it one that rests.
    async fn settled_payments(&self, tx: ChainHash) -> Result<Vec<RecordedPayment>> {
        let known = self.client.get(&["api", "v1", "payments", &tx.to_string()], &[]).await;
        let known: PaymentList = match known {
            Ok(known) => known,
            Err(failure) if failure.status() == Some(404) => return Ok(Vec::new()),
            Err(failure) => return Err(failure),
        };
        let of_item =
            |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok()) == Some(self.item.id);
        let payments = known.payments.into_iter().filter(|known| of_item(&known.item));
        Ok(payments.filter(|known| known.payment.state == "settled").collect())
    }

    fn ended(&self) -> Failure {
        let text =
            format!("the licence of {} that this key paid for has ended, or is used up", self.item.text);
        Failure::new("already_bought", text).hint(
            "the contract sells a version to a key once, so it cannot be renewed for this one: pay for another key, with --index N or --again",
        )
    }

    fn bought_before(&self, tx: Option<ChainHash>) -> Failure {
        let tx = tx.map(|tx| format!(", in transaction {tx}")).unwrap_or_default();
        Failure::new("already_bought", format!("{} was bought for this key before{tx}", self.item.text)).hint(
            "`sealpost licences` shows what you have; another key buys it once more, with --index N or --again",
        )
    }

    fn store(&self) -> String {
        self.client.store().to_string()
    }

    fn forget(&self) -> Result<()> {
        Pins::forget(&self.store(), self.item.id)
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
            "Buy {} for {price} and the network's fee, for {key}.\nFrom {} to {}.",
            self.item.text,
            signer.address().checksummed(),
            self.offer.publisher,
        );
        let Cost { token, amount } = self.cost;
        let call =
            ContractCall::Purchase { item: self.item.id, key: candidate.on_chain.clone(), token, amount };
        let fee = match allowed {
            true => self.contract.highest_fee(&args.signing, &signer, &Call::Market(call.clone())).await?,
            false => args.signing.most_fee(),
        };
        self.market.ask(&args.signing, &what, &[token], fee)?;
        Pins::note(&self.store(), self.item.id, &candidate.on_chain)?;
        if let (Some(token), false) = (token, allowed) {
            say!("Allowing the contract to take {price} ...");
            self.contract.approve(&args.signing, &signer, token, amount).await?;
        }
        say!("Paying {price} ...");
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
    answer(args.connection.json, &Had { paid: false, licence }, |had| bought(had.licence, None));
}

fn no_licence(of: &str) -> Failure {
    Failure::new("no_licence", format!("no licence came of {of}"))
        .hint("`sealpost chain status TX` says more; else ask the store's operator")
}

/// A licence that rests counts too: what suspended it passes, and the money for another would be lost.
fn is_good_for(licence: &Licence, listing: &str) -> bool {
    licence.listing == listing
        && matches!(licence.state.as_str(), "active" | "suspended")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_that_rests_is_had_and_one_that_ended_is_not() {
        let of = |state: &str| Licence {
            listing: "l_1".into(),
            state: state.into(),
            devices: Some(Vec::new()),
            ..Licence::default()
        };
        assert!(is_good_for(&of("active"), "l_1") && is_good_for(&of("suspended"), "l_1"));
        assert!(!is_good_for(&of("revoked"), "l_1"));
        assert!(!is_good_for(&Licence { listing: "l_2".into(), ..of("active") }, "l_1"));
        assert!(!is_good_for(&Licence { devices: None, ..of("active") }, "l_1"), "no prints are left");
    }
}
