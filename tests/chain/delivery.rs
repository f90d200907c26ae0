//! What the contract does beside taking money, by the command line: envelopes, handing over, tokens that it refuses.

use std::fs::{self, File};

use alloy::primitives::U256;
use anyhow::{Context, Result, ensure};
use sealpost_tests::chain::abi::Token;
use sealpost_tests::chain::bazaar::{Bazaar, OTHER, PAYER, PUBLISHER, Wishes};
use sealpost_tests::chain::wasm;
use sealpost_tests::terminal::Terminal;
use serde_json::Value;

const PLUGIN: &str = "org.example.adder";
const WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";
const OTHER_WORDS: &str = "letter advice cage absurd amount doctor acoustic avoid letter advice cage above";

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_on_chain_opens_the_plugin_for_its_buyer_alone_when_the_store_is_gone() -> Result<()> {
    let mut bazaar = Bazaar::start().await?;
    bazaar.sell(PLUGIN).await?;
    bazaar.node.mine_by_itself().await?;
    let (seller, buyer) = (seller(&bazaar)?, buyer(&bazaar)?);
    let bought = must(buy(&bazaar, &buyer)?)?;
    buyer.json(&["fetch", PLUGIN, "--out", "bundle.json"])?;
    let bundle = buyer.home().join("bundle.json");

    let mine = wallet(WORDS)?;
    let early = envelope(&bazaar, &mine)?.unwrap_err();
    assert!(early.contains("no envelope"), "{early}");
    let deliver = ["chain", "deliver", bought["purchase"]["id"].as_str().context("no purchase")?];
    let stranger = signed(&bazaar, &seller, OTHER, &deliver)?.unwrap_err();
    assert!(stranger.contains("not the listing's publisher"), "{stranger}");
    let delivered = must(signed(&bazaar, &seller, PUBLISHER, &deliver)?)?;
    assert_eq!(delivered["item_text"], format!("{PLUGIN}@1.0.0"), "{delivered}");

    bazaar.kill_store()?;
    fs::write(mine.home().join("envelope.json"), must(envelope(&bazaar, &mine)?)?)?;
    let unwrap = ["envelope", "unwrap", "--plugin-id", PLUGIN, "--mnemonic-file", "words"];
    fs::write(mine.home().join("dek"), fed(&mine, "envelope.json", &unwrap)?)?;
    fs::copy(bundle, mine.home().join("bundle.json"))?;
    fed(&mine, "bundle.json", &["bundle", "open", "plugin.wasm", "--dek-file", "dek"])?;
    assert_eq!(fs::read(mine.home().join("plugin.wasm"))?, wasm::module()?);

    let nobodys = envelope(&bazaar, &wallet(OTHER_WORDS)?)?.unwrap_err();
    assert!(nobodys.contains("no envelope"), "{nobodys}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_handed_over_is_sold_by_whoever_accepted_it() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    bazaar.sell(PLUGIN).await?;
    bazaar.node.mine_by_itself().await?;
    let (seller, buyer) = (seller(&bazaar)?, buyer(&bazaar)?);
    let new = bazaar.account(OTHER).to_string();

    let accept = ["chain", "accept", PLUGIN];
    let early = signed(&bazaar, &seller, OTHER, &accept)?.unwrap_err();
    assert!(early.contains("not offered to this account"), "{early}");
    must(signed(&bazaar, &seller, PUBLISHER, &["chain", "transfer", PLUGIN, "--to", &new])?)?;
    let stranger = signed(&bazaar, &seller, PAYER, &accept)?.unwrap_err();
    assert!(stranger.contains("not offered to this account"), "{stranger}");
    must(signed(&bazaar, &seller, OTHER, &accept)?)?;

    let list = ["chain", "list", PLUGIN];
    let former = signed(&bazaar, &seller, PUBLISHER, &list)?.unwrap_err();
    assert!(former.to_lowercase().contains(&new.to_lowercase()), "{former}");
    must(signed(&bazaar, &seller, OTHER, &list)?)?;
    let bought = must(buy(&bazaar, &buyer)?)?;
    assert_eq!(bought["licence"]["state"], "active", "{bought}");
    let balance = seller.json(&["chain", "balance", &new])?;
    assert_eq!(balance["balances"][0]["available"], "850000000000000", "85 % of 0.001 ETH: {balance}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_calls_itself_otherwise_than_its_store_is_refused_in_words_and_nothing_is_paid()
-> Result<()> {
    let bazaar = Bazaar::start_with(Wishes { token: "FeeToken", ..Wishes::default() }).await?;
    let sale = bazaar.sell_for(PLUGIN, 5_000_000, "USDC").await?;
    let payer = bazaar.account(PAYER);
    bazaar.prepare(bazaar.contract, &sale, payer).await?;
    bazaar.node.mine_by_itself().await?;
    let said = buy(&bazaar, &buyer(&bazaar)?)?.unwrap_err();
    assert!(said.contains("which has 18 decimals"), "{said}");
    assert!(said.contains("token_misnamed"), "{said}");
    let left = bazaar.node.rpc.view(bazaar.usdc, &Token::balanceOfCall { account: payer }).await?;
    assert_eq!(left, U256::from(5_000_000));
    assert_eq!(bazaar.sold(&sale).await?.len(), 0);
    Ok(())
}

/// What a command answers, or says instead.
type Said<T> = Result<T, String>;

fn must<T>(said: Said<T>) -> Result<T> {
    said.map_err(anyhow::Error::msg)
}

/// Who sells.
fn seller(bazaar: &Bazaar) -> Result<Terminal> {
    let seller = Terminal::new(&bazaar.proxy.url)?;
    seller.json(&["login", "--email", &bazaar.seller.email, "--password-file", "password"])?;
    Ok(seller)
}

/// Somebody with an account and a wallet.
fn buyer(bazaar: &Bazaar) -> Result<Terminal> {
    let buyer = Terminal::new(&bazaar.proxy.url)?;
    buyer.json(&["register", "--email", "buyer@example.org", "--password-file", "password"])?;
    fs::write(buyer.home().join("words"), WORDS)?;
    Ok(buyer)
}

/// Somebody with a wallet and without a store.
fn wallet(words: &str) -> Result<Terminal> {
    let terminal = Terminal::new("http://127.0.0.1:1")?;
    fs::write(terminal.home().join("words"), words)?;
    Ok(terminal)
}

fn buy(bazaar: &Bazaar, buyer: &Terminal) -> Result<Said<Value>> {
    signed(bazaar, buyer, PAYER, &["chain", "buy", PLUGIN, "--mnemonic-file", "words"])
}

/// A command whose transactions one of the node's accounts signs.
fn signed(bazaar: &Bazaar, who: &Terminal, by: usize, command: &[&str]) -> Result<Said<Value>> {
    let key = bazaar.node.key_file(by)?.display().to_string();
    let options = ["--rpc", &bazaar.endpoints[0].url, "--key", &key, "--yes", "--json"];
    let output = who.run(&[command, &options].concat())?;
    if !output.status.success() {
        return Ok(Err(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(Ok(serde_json::from_slice(&output.stdout)?))
}

/// The envelope that the contract has for one of the wallet's keys.
fn envelope(bazaar: &Bazaar, wallet: &Terminal) -> Result<Said<Vec<u8>>> {
    let (item, contract) = (format!("{PLUGIN}@1.0.0"), bazaar.contract.to_string());
    let from = ["--contract", &contract, "--rpc", &bazaar.endpoints[0].url, "--mnemonic-file", "words"];
    let output = wallet.run(&[&["chain", "envelope", item.as_str()], &from[..]].concat())?;
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(if output.status.success() { Ok(output.stdout) } else { Err(said()) })
}

/// A command with a file as its standard input; what it writes.
fn fed(who: &Terminal, file: &str, command: &[&str]) -> Result<Vec<u8>> {
    let output = who.command(command)?.stdin(File::open(who.home().join(file))?).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}
