//! The contract a store sells by: what the store says of it, checked before anything is signed.

use sealpost_api::{
    catalogue::Listing,
    chain::{ChainInfo, ChainOffer},
};
use sealpost_chain::{Sent, Signer, chain_id};
use sealpost_market::{
    Version,
    chain::{Address, ChainHash, item_id, item_text, network, network_text},
};

use super::{
    coins::{Coins, Misnamed, coin_name, coin_text},
    confirm::confirm,
    contract::{Call, Contract},
    options::{Node, Signing, no_rpc},
    pins::Pins,
};
use crate::{
    client::Client,
    commands::listings::price_text,
    connection::Connection,
    failure::{Exit, Failure, Result},
    offline::failed,
    output::say,
};

/// A chain, a contract on it, and how its prices are called.
pub(super) struct Market {
    /// What the store says.
    pub(super) info: ChainInfo,
    /// The contract's address.
    pub(super) contract: Address,
    /// How its money is called.
    coins: Coins,
    /// The store's address, where a store named the contract.
    store: Option<String>,
}

/// One version of a listing, as it is sold on chain.
pub(super) struct Item {
    /// What is hashed.
    pub(super) text: String,
    /// What the contract calls it.
    pub(super) id: ChainHash,
}

/// A price of an offer, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// The token; the coin where absent.
    pub(super) token: Option<Address>,
    /// Minor units.
    pub(super) amount: u128,
}

impl Market {
    /// The market of a store, which must be the one it was before. A contract that was named must be that one.
    pub(super) async fn of_store(client: &Client, node: &Node) -> Result<Self> {
        let market = Self::told_by(client, node).await?;
        let store = client.store().to_string();
        Pins::load()?.check(&store, market.info.chain_id, market.contract, node.contract)?;
        let coin = &market.info.coin.symbol;
        match network(market.info.chain_id) {
            Some(network) if !network.is_coin(coin) => {
                let chain = network_text(network.id);
                Err(Failure::new(
                    "coin_misnamed",
                    format!("the store calls the coin of chain {chain} {coin}; it is {}", network.coin),
                )
                .hint("nothing was sent: prices of this store are not what they seem; tell its operator"))
            }
            _ => Ok(market),
        }
    }

    /// The market as a store tells of it, for those who only look.
    pub(super) async fn told_by(client: &Client, node: &Node) -> Result<Self> {
        let info: ChainInfo = client.get(&["api", "v1", "chain"], &[]).await?;
        let contract: Address =
            info.contract.parse().map_err(|_| odd("names a contract that is no address"))?;
        if let Some(wanted) = node.contract.filter(|wanted| *wanted != contract) {
            return Err(Failure::new(
                "other_contract",
                format!("the store sells by contract {contract}, not by {wanted}"),
            )
            .hint("ask the store's operator which one is right, and send nothing before"));
        }
        let coins = Coins::of(info.chain_id);
        Ok(Self { info, contract, coins, store: Some(client.store().to_string()) })
    }

    /// The market of the store that is named; where there is none, or it cannot be reached, that of the contract that
    /// was named: money and envelopes do not depend on a store.
    pub(super) async fn find(connection: &Connection, node: &Node) -> Result<Self> {
        let failure = match Client::open(connection) {
            Ok(client) => match Self::of_store(&client, node).await {
                Err(failure) if failure.is(Exit::Unreachable) => failure,
                found => return found,
            },
            Err(failure) => failure,
        };
        let Some(contract) = node.contract else { return Err(failure) };
        let rpc = node.rpc.endpoints("the contract's chain")?;
        let Some(rpc) = rpc.first() else { return Err(no_rpc("the contract's chain")) };
        if failure.is(Exit::Unreachable) {
            say!("The store cannot be reached; going by the contract that was named.");
        }
        let chain_id = chain_id(rpc.as_str()).await.map_err(failed)?;
        let mut info = ChainInfo { chain_id, contract: contract.to_string(), ..ChainInfo::default() };
        info.coin.symbol = network(chain_id).map_or_else(String::new, |network| network.coin.to_owned());
        Ok(Self { info, contract, coins: Coins::of(chain_id), store: None })
    }

    /// The contract, by the endpoints that were named.
    pub(super) fn connect(&self, node: &Node) -> Result<Contract> {
        Contract::connect(&self.info, self.contract, node)
    }

    /// The token of that symbol or address; `None` is the coin.
    pub(super) fn currency(&self, symbol: &str) -> Result<Option<Address>> {
        let is_coin = network(self.info.chain_id).is_some_and(|network| network.is_coin(symbol));
        if is_coin || self.info.coin.symbol.eq_ignore_ascii_case(symbol) {
            return Ok(None);
        }
        if let Ok(address) = symbol.parse::<Address>() {
            return Ok(Some(address).filter(|address| !address.is_zero()));
        }
        let token = self.info.tokens.iter().find(|token| token.symbol.eq_ignore_ascii_case(symbol));
        match token {
            Some(token) => {
                token.address.parse().map(Some).map_err(|_| odd("names a token that is no address"))
            }
            None => {
                Err(Failure::new("currency_not_on_chain", format!("the store takes no {symbol} on chain"))
                    .hint(format!(
                        "prices on its chain are in {}; a token can be named by its address too",
                        self.symbols().join(", ")
                    )))
            }
        }
    }

    /// The symbol of a token or the coin, where the store knows it.
    pub(super) fn symbol(&self, token: Option<Address>) -> Option<&str> {
        match token {
            None => Some(self.info.coin.symbol.as_str()).filter(|symbol| !symbol.is_empty()),
            Some(token) => {
                let is_it = |known: &&sealpost_api::chain::ChainToken| known.address.parse() == Ok(token);
                self.info.tokens.iter().find(is_it).map(|known| known.symbol.as_str())
            }
        }
    }

    /// An amount as people read it; in a token as itself tells it, where it was asked.
    pub(super) fn text(&self, token: Option<Address>, amount: u128) -> String {
        self.coins.text(token, amount)
    }

    /// Asks a token what it is called and how it counts.
    pub(super) async fn ask_token(&mut self, contract: &Contract, token: Option<Address>) -> Result<()> {
        let Some(address) = token.filter(|address| !self.coins.knows(*address)) else { return Ok(()) };
        let (decimals, own) = contract.token(address).await?;
        let store = self.symbol(token).map(str::to_owned);
        self.coins.note(address, decimals, own, store);
        Ok(())
    }

    /// An error where a token is not what its name stands for, unless it was named by its address.
    pub(super) async fn check_token(
        &mut self,
        contract: &Contract,
        token: Option<Address>,
        named: Option<Address>,
    ) -> Result<()> {
        self.ask_token(contract, token).await?;
        let Some(address) = token.filter(|token| named != Some(*token)) else { return Ok(()) };
        let symbol = self.symbol(token).unwrap_or_default();
        let address = address.checksummed();
        let refused = |sentence: String| {
            let hint =
                format!("nothing was sent: if it is the token you mean, say so with --token {address}");
            Err(Failure::new("token_misnamed", sentence).hint(hint))
        };
        match token.and_then(|token| self.coins.misnamed(token, symbol)) {
            Some(Misnamed::Symbol(own)) => {
                refused(format!("what the store calls {symbol} is token {address}, which calls itself {own}"))
            }
            Some(Misnamed::Decimals(decimals)) => refused(format!(
                "what the store calls {symbol} is token {address}, which has {decimals} decimals, and {symbol} has not"
            )),
            None => Ok(()),
        }
    }

    /// Asks whoever pays: `what` happens, with the contract, the chain, the token and the highest fee of the network.
    /// A yes is remembered as this store's contract.
    pub(super) fn ask(
        &self,
        signing: &Signing,
        what: &str,
        tokens: &[Option<Address>],
        fee: u128,
    ) -> Result<()> {
        let mut question = format!(
            "{what}\nContract {} on chain {}.",
            self.contract.checksummed(),
            network_text(self.info.chain_id)
        );
        for token in tokens {
            question += &self.coins.line(*token);
        }
        question +=
            &format!("\nThe network takes at most {} a transaction.", coin_text(self.info.chain_id, fee));
        confirm(signing.yes, &question)?;
        match &self.store {
            Some(store) => Pins::keep(store, self.info.chain_id, self.contract),
            None => Ok(()),
        }
    }

    /// Sends a call once whoever is asked has agreed to `what`, and waits until it is in a block.
    pub(super) async fn send(
        &self,
        contract: &Contract,
        signing: &Signing,
        signer: &Signer,
        call: &Call,
        what: &str,
    ) -> Result<Sent> {
        let fee = contract.highest_fee(signing, signer, call).await?;
        self.ask(signing, what, &[], fee)?;
        contract.send_quietly(signing, signer, call).await
    }

    /// What the coin is called.
    pub(super) fn coin(&self) -> String {
        coin_name(self.info.chain_id)
    }

    /// Everything money may be in: the coin, then the tokens.
    pub(super) fn currencies(&self) -> Vec<Option<Address>> {
        let tokens = self.info.tokens.iter().filter_map(|token| token.address.parse().ok());
        std::iter::once(None).chain(tokens.map(Some)).collect()
    }

    fn symbols(&self) -> Vec<&str> {
        let tokens = self.info.tokens.iter().map(|token| token.symbol.as_str());
        std::iter::once(self.info.coin.symbol.as_str()).chain(tokens).collect()
    }

    /// How the store offers a version, after the looks that whoever signs should take: chain and contract are the ones
    /// that were checked, and the item is the hash of the listing's own name and version.
    pub(super) async fn offer(
        &self,
        client: &Client,
        listing: &Listing,
        version: Option<&Version>,
    ) -> Result<(ChainOffer, Item, Cost)> {
        let version = version.map(Version::to_string);
        let query: Vec<_> = version.as_deref().map(|version| ("version", version)).into_iter().collect();
        let offer: ChainOffer = client.get(&["api", "v1", "listings", &listing.id, "offer"], &query).await?;
        let item = item(listing, &offer.version)?;
        let same = offer.chain_id == self.info.chain_id
            && offer.contract.parse() == Ok(self.contract)
            && offer.item_text == item.text
            && offer.item.parse() == Ok(item.id)
            && version.is_none_or(|version| version == offer.version);
        if !same {
            return Err(odd("offers something else than was asked for"));
        }
        let token = self.currency(&offer.currency)?;
        let amount = offer.amount.parse().map_err(|_| odd("offers for no amount"))?;
        if offer.token.as_deref().map(str::parse).transpose().ok() != Some(token) {
            return Err(odd("names two tokens for one price"));
        }
        Ok((offer, item, Cost { token, amount }))
    }
}

/// A version of a listing, as chains call it: by its plugin's id, or its own.
pub(super) fn item(listing: &Listing, version: &str) -> Result<Item> {
    let name = listing.plugin.as_ref().map_or(listing.id.as_str(), |plugin| plugin.plugin_id.as_str());
    let version: Version = version.parse().map_err(|_| odd("names a version that is none"))?;
    let text = item_text(name, &version);
    Ok(Item { id: item_id(&text), text })
}

/// A listing as a sentence names it.
pub(super) fn named(listing: &Listing) -> String {
    let name = listing.plugin.as_ref().map_or(listing.id.as_str(), |plugin| plugin.plugin_id.as_str());
    format!("{name} ({}, {})", listing.title, price_text(listing.price.as_ref()))
}

/// What a store says that no store should.
pub(super) fn odd(what: &str) -> Failure {
    Failure::new("store_contradicts_itself", format!("the store {what}; nothing was sent"))
        .hint("try again; if it stays, tell the store's operator")
}
