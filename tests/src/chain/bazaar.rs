//! A store that sells on a chain: node, contracts, endpoints, publisher, and buyers with wallets.

use std::fmt::Write as _;
use std::path::Path;

use alloy::primitives::{Address, B256, Bytes, U256};
use anyhow::{Context, Result, ensure};
use reqwest::{Method, Response, multipart};
use sealpost_api::catalogue::{NewListing, NewRelease, PluginTerms, Price};
use sealpost_api::chain::{PaymentList, RecordedPayment};
use sealpost_api::marketplace::{MarketplacePurchased, PluginBundle};
use sealpost_api::purchase::{Licence, LicenceList};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::abi::{self, Market, Token};
use super::buyer::Buyer;
use super::endpoint::Endpoint;
use super::node::Node;
use super::patience::until;
use super::wasm;
use crate::person::{Person, client, expect, problem};
use crate::proxy::Proxy;
use crate::store::{self, Store};

/// Which of the node's accounts are whose.
pub const OWNER: usize = 0;
/// Where the platform's share goes.
pub const TREASURY: usize = 1;
/// Who sells: the payout address.
pub const PUBLISHER: usize = 2;
/// Who pays.
pub const PAYER: usize = 3;
/// Somebody else.
pub const OTHER: usize = 4;

/// A coin in wei.
pub const COIN: u128 = 1_000_000_000_000_000_000;

/// The platform's share in hundredths of a percent.
pub const FEE_BPS: u16 = 1500;

/// What a test wants to be different.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// Endpoints of the store.
    pub endpoints: usize,
    /// How many must agree; the store's own rule where absent.
    pub agree: Option<usize>,
    /// When a payment counts, as it is written in the settings.
    pub finality: String,
    /// Contract that stands where USDC should, of those that only tests have.
    pub token: &'static str,
    /// Database to use instead of SQLite.
    pub database_url: Option<String>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            endpoints: 1,
            agree: None,
            finality: "\"finalized\"".to_owned(),
            token: "Usdc",
            database_url: None,
        }
    }
}

/// Everything a sale on chain needs, running.
pub struct Bazaar {
    /// The chain.
    pub node: Node,
    /// What the store asks about it.
    pub endpoints: Vec<Endpoint>,
    /// The marketplace.
    pub contract: Address,
    /// A token with six decimals.
    pub usdc: Address,
    /// What stands before the store, whose address stays when the store is started again.
    pub proxy: Proxy,
    /// The store, unless it was stopped.
    pub store: Option<Store>,
    /// Who runs it.
    pub operator: Person,
    /// Who sells.
    pub seller: Person,
    /// Settings the store was started with.
    pub options: store::Options,
    http: reqwest::Client,
    // Last, so that it outlives the programs that write to it.
    folder: TempDir,
}

/// A plugin that is sold on chain.
#[derive(Clone, Debug)]
pub struct Sale {
    /// The plugin's id.
    pub name: String,
    /// The listing's id.
    pub listing: String,
    /// What the contract calls its version.
    pub item: B256,
    /// The token its price is in; the coin where absent.
    pub token: Option<Address>,
    /// Its price.
    pub amount: U256,
}

impl Bazaar {
    /// Starts everything with one endpoint.
    pub async fn start() -> Result<Self> {
        Self::start_with(Wishes::default()).await
    }

    /// Starts everything.
    pub async fn start_with(wishes: Wishes) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("sealpost-chain-").tempdir()?;
        let node = Node::start(&folder.path().join("node"))?;
        let code = abi::marketplace(node.accounts[OWNER], node.accounts[TREASURY], FEE_BPS)?;
        let contract = node.deploy(node.accounts[OWNER], &code).await?;
        let usdc = node.deploy(node.accounts[OWNER], &abi::test_contract(wishes.token)?).await?;
        let mut endpoints = Vec::new();
        for _ in 0..wishes.endpoints {
            endpoints.push(Endpoint::start(&node.rpc.url).await?);
        }
        let proxy = Proxy::start().await?;
        let config = settings(&proxy, &endpoints, &node, contract, usdc, &wishes)?;
        let options = store::Options { database_url: wishes.database_url, config, ..Default::default() };
        let store = Store::start(folder.path(), &options)?;
        proxy.lead_to(&store.url);
        let token = store.setup_token.clone().context("the store printed no one-time link")?;
        let operator = Person::set_up(&proxy.url, &token).await?;
        let seller = Person::register(&proxy.url, "seller").await?;
        let http = client()?;
        let store = Some(store);
        Ok(Self { node, endpoints, contract, usdc, proxy, store, operator, seller, options, http, folder })
    }

    /// The folder that goes away with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// One of the node's accounts.
    pub fn account(&self, index: usize) -> Address {
        self.node.accounts[index]
    }

    /// A new person at the store.
    pub async fn person(&self, name: &str) -> Result<Person> {
        Person::register(&self.proxy.url, name).await
    }

    /// Kills the store as a power cut would.
    pub fn kill_store(&mut self) -> Result<()> {
        self.store.take().context("the store does not run")?.service.kill()
    }

    /// Ends the store as its operator would.
    pub fn stop_store(&mut self) -> Result<()> {
        self.store.take().context("the store does not run")?.service.stop()
    }

    /// Starts it again with what it has.
    pub fn restart_store(&mut self) -> Result<()> {
        let store = Store::start(self.folder.path(), &self.options)?;
        self.proxy.lead_to(&store.url);
        self.store = Some(store);
        Ok(())
    }

    /// Another process of the same store, on the same database.
    pub fn second_store(&self) -> Result<Store> {
        Store::start_beside(self.folder.path(), "second", &self.options)
    }

    /// What the store has written to its log since it was started.
    pub fn store_said(&self) -> String {
        self.store.as_ref().map(|store| store.service.said()).unwrap_or_default()
    }

    /// Publishes a plugin and sells it for coin.
    pub async fn sell(&self, name: &str) -> Result<Sale> {
        self.sell_for(name, COIN / 1000, "ETH").await
    }

    /// Publishes a plugin and sells it for an amount of minor units.
    pub async fn sell_for(&self, name: &str, amount: u128, currency: &str) -> Result<Sale> {
        let sale = self.publish(name, amount, currency).await?;
        self.set_payout(&sale, Some(self.account(PUBLISHER))).await?;
        self.list(&sale, self.account(PUBLISHER)).await?;
        Ok(sale)
    }

    /// Publishes a plugin with a price, but sells it nowhere on chain yet.
    pub async fn publish(&self, name: &str, amount: u128, currency: &str) -> Result<Sale> {
        let listing = NewListing {
            title: format!("Plugin {name}"),
            price: Some(Price { amount: amount.to_string(), currency: currency.to_owned() }),
            kind: Some("plugin".to_owned()),
            plugin: Some(PluginTerms { plugin_id: name.to_owned(), devices: 2, publisher_key: None }),
            ..NewListing::default()
        };
        let listing = self.seller.offer(&listing).await?;
        self.release(name, "1.0.0").await?;
        Ok(Sale {
            name: name.to_owned(),
            listing: listing.id,
            item: abi::item(name, "1.0.0"),
            token: (currency == "USDC").then_some(self.usdc),
            amount: U256::from(amount),
        })
    }

    /// Publishes a version.
    pub async fn release(&self, name: &str, version: &str) -> Result<()> {
        let Value::Object(mut manifest) = wasm::manifest() else { anyhow::bail!("no manifest") };
        manifest.insert("version".to_owned(), version.into());
        let release = NewRelease {
            listing: name.to_owned(),
            version: version.to_owned(),
            manifest: Some(manifest),
            ..NewRelease::default()
        };
        let release = multipart::Part::text(serde_json::to_string(&release)?).mime_str("application/json")?;
        let file = multipart::Part::bytes(wasm::module()?).file_name("plugin.wasm");
        let form = multipart::Form::new().part("release", release).part("file", file);
        let sent = self.seller.request(Method::POST, "/api/v1/releases").multipart(form).send().await?;
        expect(sent).await.map(drop)
    }

    /// Says who is paid for a listing.
    pub async fn set_payout(&self, sale: &Sale, payout: Option<Address>) -> Result<()> {
        let path = format!("/api/v1/listings/{}/payout", sale.listing);
        let body = json!({"address": payout.map(|payout| payout.to_string())});
        expect(self.seller.request(Method::PUT, &path).json(&body).send().await?).await.map(drop)
    }

    /// Changes the store's price of a listing.
    pub async fn reprice(&self, sale: &Sale, amount: u128) -> Result<()> {
        let currency = if sale.token.is_some() { "USDC" } else { "ETH" };
        let body = json!({"price": {"amount": amount.to_string(), "currency": currency}});
        let path = format!("/api/v1/listings/{}", sale.listing);
        expect(self.seller.request(Method::PATCH, &path).json(&body).send().await?).await.map(drop)
    }

    /// Lists it on chain by `publisher`.
    pub async fn list(&self, sale: &Sale, publisher: Address) -> Result<()> {
        self.list_at(self.contract, sale, publisher).await
    }

    /// Lists it at another contract of the same kind.
    pub async fn list_at(&self, contract: Address, sale: &Sale, publisher: Address) -> Result<()> {
        let call = Market::listCall {
            pluginId: sale.item,
            token: sale.token.unwrap_or_default(),
            price: sale.amount.to(),
        };
        self.node.call(publisher, contract, &call).await.map(drop)
    }

    /// Pays for a key; the payment is in a block then, and not final.
    pub async fn pay(&self, sale: &Sale, buyer: &Buyer) -> Result<B256> {
        self.pay_at(self.contract, sale, buyer).await
    }

    /// The same at another contract.
    pub async fn pay_at(&self, contract: Address, sale: &Sale, buyer: &Buyer) -> Result<B256> {
        let payer = self.account(PAYER);
        let value = self.prepare(contract, sale, payer).await?;
        self.node.pay(payer, contract, &purchase(sale, buyer), value).await
    }

    /// Hands a payment to the node's pool, where it waits.
    pub async fn send(&self, sale: &Sale, buyer: &Buyer) -> Result<B256> {
        let payer = self.account(PAYER);
        let value = self.prepare(self.contract, sale, payer).await?;
        self.node.rpc.send(payer, Some(self.contract), &abi::data(&purchase(sale, buyer)), value).await
    }

    /// Sees to it that `payer` can pay with a token; gives the coin to send along.
    pub async fn prepare(&self, contract: Address, sale: &Sale, payer: Address) -> Result<U256> {
        let Some(token) = sale.token else { return Ok(sale.amount) };
        self.node.call(payer, token, &Token::mintCall { to: payer, amount: sale.amount }).await?;
        self.node.call(payer, token, &Token::approveCall { spender: contract, amount: sale.amount }).await?;
        Ok(U256::ZERO)
    }

    /// A signed-in purchase with a transaction.
    pub async fn claim(&self, person: &Person, sale: &Sale, buyer: &Buyer, tx: B256) -> Result<Response> {
        let payment = json!({"method": "chain", "tx_hash": tx});
        let body = json!({"listing": sale.name, "payment": payment, "recipient": buyer.recipient()});
        person.post("/api/v1/purchases", &body).await
    }

    /// The document's purchase: a wallet without an account says its transaction.
    pub async fn claim_as_wallet(&self, sale: &Sale, buyer: &Buyer, tx: B256) -> Result<Response> {
        let mut body = json!({"buyerPubkey": buyer.public(), "pluginId": sale.name, "txHash": tx});
        if buyer.curve() != "secp256k1" {
            body["curve"] = buyer.curve().into();
        }
        Ok(self.http.post(format!("{}/api/marketplace/purchase", self.proxy.url)).json(&body).send().await?)
    }

    /// The code of a wallet's refused claim.
    pub async fn refused(&self, sale: &Sale, buyer: &Buyer, tx: B256) -> Result<(u16, String)> {
        let problem = problem(self.claim_as_wallet(sale, buyer, tx).await?).await?;
        ensure!(!problem.hint.is_empty(), "no hint: {problem:?}");
        Ok((problem.status, problem.code))
    }

    /// Waits until a wallet's claim is refused with this code; it must never be granted.
    pub async fn refused_as(&self, sale: &Sale, buyer: &Buyer, tx: B256, code: &str) -> Result<()> {
        until(&format!("`{code}`"), async || {
            let (status, said) = self.refused(sale, buyer, tx).await?;
            Ok(if said == code { Ok(()) } else { Err(format!("{status} {said}")) })
        })
        .await
    }

    /// What a wallet is given, which must open the plugin; the licence.
    pub async fn obtain(&self, sale: &Sale, buyer: &Buyer, tx: B256) -> Result<String> {
        let given = expect(self.claim_as_wallet(sale, buyer, tx).await?).await?;
        let given: MarketplacePurchased = given.json().await?;
        ensure!(buyer.opens(&given.envelope, &sale.name), "the envelope does not open");
        self.open(&given.bundle, buyer).await?;
        Ok(given.licence)
    }

    /// Opens a bundle with the blob that the store has for it.
    pub async fn open(&self, bundle: &PluginBundle, buyer: &Buyer) -> Result<()> {
        let blob = self.http.get(format!("{}{}", self.proxy.url, bundle.blob_url)).send().await?;
        let opened = buyer.open(bundle, &expect(blob).await?.bytes().await?)?;
        ensure!(opened == wasm::module()?, "that is not the plugin");
        Ok(())
    }

    /// What the store knows of a transaction; a problem where it cannot say.
    pub async fn payments(&self, tx: B256) -> Result<Vec<RecordedPayment>> {
        let answer = self.http.get(format!("{}/api/v1/payments/{tx}", self.proxy.url)).send().await?;
        Ok(expect(answer).await?.json::<PaymentList>().await?.payments)
    }

    /// Waits until the store says so of the only payment in a transaction.
    pub async fn payment_becomes(&self, tx: B256, state: &str) -> Result<RecordedPayment> {
        until(&format!("`{state}`"), async || {
            Ok(match self.payments(tx).await.as_deref() {
                Ok([payment]) if payment.payment.state == state => Ok(payment.clone()),
                // The chain may be out of reach for a moment, or the transaction not known yet.
                other => Err(format!("{other:?}")),
            })
        })
        .await
    }

    /// Waits until a person holds a licence for a listing.
    pub async fn licence_of(&self, person: &Person, sale: &Sale) -> Result<Licence> {
        until("a licence", async || {
            let licences = person.licences().await?;
            let found = licences.iter().find(|licence| licence.listing == sale.listing);
            Ok(found.cloned().ok_or_else(|| format!("{licences:?}")))
        })
        .await
    }

    /// Every licence that was sold of a listing, as its seller sees them.
    pub async fn sold(&self, sale: &Sale) -> Result<Vec<Licence>> {
        let path = format!("/api/v1/licences?listing={}", sale.listing);
        Ok(self.seller.get::<LicenceList>(&path).await?.licences)
    }

    /// Waits until the store has read all that is final on the chain now.
    pub async fn caught_up(&self) -> Result<()> {
        let settled = self.node.rpc.height("finalized").await?;
        until("the store's watcher", async || {
            let answer = self.http.get(format!("{}/api/v1/chain", self.proxy.url)).send().await?;
            let info: Value = expect(answer).await?.json().await?;
            let there = info["block"].as_u64().is_some_and(|block| block >= settled);
            Ok(if there { Ok(()) } else { Err(info.to_string()) })
        })
        .await
    }

    /// What the contract holds for an account.
    pub async fn balance(&self, account: Address, token: Option<Address>) -> Result<(U256, U256)> {
        let call = Market::balanceOfCall { account, token: token.unwrap_or_default() };
        let balance = self.node.rpc.view(self.contract, &call).await?;
        Ok((balance.available, balance.unsettledFees))
    }
}

/// The purchase of a sale for a buyer's key.
pub fn purchase(sale: &Sale, buyer: &Buyer) -> Market::purchaseCall {
    Market::purchaseCall { pluginId: sale.item, buyerPubkey: buyer.on_chain(), amount: sale.amount }
}

/// A call that gives a payment back, by what the chain says of it.
pub async fn refund(bazaar: &Bazaar, sale: &Sale, buyer: &Buyer, tx: B256) -> Result<Market::refundCall> {
    use alloy::sol_types::SolEvent;
    let receipt = bazaar.node.rpc.receipt(tx).await?.context("not mined")?;
    let logs = receipt["logs"].as_array().context("no logs")?;
    let bought = logs
        .iter()
        .find(|log| log["topics"][0] == json!(Market::PluginPurchased::SIGNATURE_HASH))
        .context("nothing was bought")?;
    let data: Bytes = serde_json::from_value(bought["data"].clone())?;
    let bought = Market::PluginPurchased::abi_decode_data(&data)?;
    let block = bazaar.node.rpc.ask("eth_getBlockByHash", json!([receipt["blockHash"], false])).await?;
    let time: U256 = serde_json::from_value(block["timestamp"].clone())?;
    Ok(Market::refundCall {
        pluginId: sale.item,
        buyerPubkey: buyer.on_chain(),
        receipt: Market::Receipt {
            payer: bazaar.account(PAYER),
            publisher: bazaar.account(PUBLISHER),
            token: sale.token.unwrap_or_default(),
            amount: bought.1.to(),
            fee: bought.2.to(),
            paidAt: time.to(),
        },
    })
}

fn settings(
    proxy: &Proxy,
    endpoints: &[Endpoint],
    node: &Node,
    contract: Address,
    usdc: Address,
    wishes: &Wishes,
) -> Result<String> {
    let urls: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.url.as_str()).collect();
    let mut config = format!("public_url = {:?}\n\n[chain]\n", proxy.url);
    writeln!(config, "id = {}\ncontract = \"{contract}\"\nrpc = {urls:?}", node.chain_id)?;
    if let Some(agree) = wishes.agree {
        writeln!(config, "agree = {agree}")?;
    }
    writeln!(config, "finality = {}\nfrom_block = 0\ncoin = \"ETH\"", wishes.finality)?;
    writeln!(config, "poll_ms = 200\ntimeout_ms = 2000\n")?;
    writeln!(config, "[[chain.tokens]]\nsymbol = \"USDC\"\naddress = \"{usdc}\"\ndecimals = 6")?;
    Ok(config)
}
