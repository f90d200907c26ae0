//! The contract a store sells by: what the store says of it, checked before anything is signed.

use sealpost_api::{
    catalogue::Listing,
    chain::{ChainCoin, ChainInfo, ChainOffer},
};
use sealpost_chain::chain_id;
use sealpost_market::{
    Version,
    chain::{Address, ChainHash, item_id, item_text},
};

use super::{
    contract::Contract,
    options::{Node, no_rpc},
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
    /// The market of a store. A contract that was named must be that one.
    pub(super) async fn of_store(client: &Client, node: &Node) -> Result<Self> {
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
        Ok(Self { info, contract })
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
        let Some(rpc) = node.rpc.first() else { return Err(no_rpc("the contract's chain")) };
        if failure.is(Exit::Unreachable) {
            say!("The store cannot be reached; going by the contract that was named.");
        }
        let chain_id = chain_id(rpc.as_str()).await.map_err(failed)?;
        let coin = ChainCoin { symbol: coin_of(chain_id).to_owned(), decimals: 18 };
        let info = ChainInfo { chain_id, contract: contract.to_string(), coin, ..ChainInfo::default() };
        Ok(Self { info, contract })
    }

    /// The contract, by the endpoints that were named.
    pub(super) fn connect(&self, node: &Node) -> Result<Contract> {
        Contract::connect(&self.info, self.contract, node)
    }

    /// The token of that symbol or address; `None` is the coin.
    pub(super) fn currency(&self, symbol: &str) -> Result<Option<Address>> {
        if self.info.coin.symbol.eq_ignore_ascii_case(symbol) {
            return Ok(None);
        }
        let token = self.info.tokens.iter().find(|token| token.symbol.eq_ignore_ascii_case(symbol));
        match token {
            Some(token) => {
                token.address.parse().map(Some).map_err(|_| odd("names a token that is no address"))
            }
            None => {
                Err(Failure::new("currency_not_on_chain", format!("the store takes no {symbol} on chain"))
                    .hint(format!("prices on its chain are in {}", self.symbols().join(", "))))
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

    /// An amount as people read it.
    pub(super) fn text(&self, token: Option<Address>, amount: u128) -> String {
        match (self.symbol(token), token) {
            (Some(symbol), _) => super::amounts::text(&amount.to_string(), symbol),
            (None, Some(token)) => format!("{amount} of token {token}"),
            (None, None) => format!("{amount} wei"),
        }
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

/// The coin of a chain that no store told it of; nothing where that is not known.
fn coin_of(chain_id: u64) -> &'static str {
    match chain_id {
        1 | 10 | 8453 | 42161 | 59144 | 84532 | 421_614 | 11_155_111 | 11_155_420 | 31337 => "ETH",
        137 => "POL",
        _ => "",
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
