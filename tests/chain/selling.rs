//! A sale from its beginning to the money in the publisher's wallet.

use alloy::primitives::{Address, Bytes, U256};
use anyhow::{Context, Result};
use sealpost_tests::chain::abi::{self, Market, Token};
use sealpost_tests::chain::bazaar::{Bazaar, COIN, PAYER, PUBLISHER, Sale, TREASURY};
use sealpost_tests::chain::buyer::Buyer;
use sealpost_tests::chain::node::CHAIN_ID;
use sealpost_tests::chain::patience::until;
use sealpost_tests::person::expect;
use serde_json::{Value, json};

const PLUGIN: &str = "com.publisher.my-plugin";

#[test]
fn items_are_hashes_of_name_and_version() {
    let name = alloy::primitives::keccak256(PLUGIN);
    assert_eq!(hex::encode(name), "79c36737d89f4336afd612b2926b5a913998f370d4af48a990cd7a5657fbb0ad");
    assert_ne!(abi::item(PLUGIN, "1.0.0"), abi::item(PLUGIN, "1.0.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawing_pays_85_to_15_to_the_wei() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    // Each price is one that does not divide.
    for (number, (amount, currency)) in
        [(1, "ETH"), (19, "ETH"), (COIN + 7, "ETH"), (3, "USDC"), (4_999_999, "USDC")].into_iter().enumerate()
    {
        let sale = bazaar.sell_for(&format!("plugin-{number}"), amount, currency).await?;
        let fee = U256::from(amount * 15 / 100);
        for _ in 0..2 {
            let buyer = Buyer::new();
            let tx = bazaar.pay(&sale, &buyer).await?;
            bazaar.node.settle().await?;
            let settled = bazaar.payment_becomes(tx, "settled").await?.payment;
            assert_eq!((settled.amount, settled.fee), (Some(amount.to_string()), Some(fee.to_string())));
            bazaar.obtain(&sale, &buyer, tx).await?;
        }
        let shares = [(PUBLISHER, sale.amount - fee), (TREASURY, fee)];
        for (account, share) in shares {
            let share = share * U256::from(2);
            let account = bazaar.account(account);
            told(&bazaar, account, sale.token, share).await?;
            if share.is_zero() {
                continue;
            }
            assert_eq!(withdrawn(&bazaar, account, sale.token).await?, share, "{amount} {currency}");
            told(&bazaar, account, sale.token, U256::ZERO).await?;
        }
        let left = match sale.token {
            None => bazaar.node.rpc.coins(bazaar.contract).await?,
            Some(token) => {
                bazaar.node.rpc.view(token, &Token::balanceOfCall { account: bazaar.contract }).await?
            }
        };
        assert_eq!(left, U256::ZERO, "something is left in the contract");
    }
    Ok(())
}

/// The store says that an account can withdraw so much, and so does the contract. The store keeps answers for a moment.
async fn told(bazaar: &Bazaar, account: Address, token: Option<Address>, share: U256) -> Result<()> {
    assert_eq!(bazaar.balance(account, token).await?.0, share);
    let name = token.map(|token| format!("{token:#x}"));
    until("that balance", async || {
        let balances: Value = bazaar.seller.get(&format!("/api/v1/chain/balances/{account}")).await?;
        let row = balances["balances"].as_array().context("no balances")?;
        let row = row.iter().find(|row| row["token"].as_str().map(str::to_lowercase) == name);
        let row = row.with_context(|| balances.to_string())?;
        assert_eq!(row["currency"], if token.is_some() { "USDC" } else { "ETH" });
        Ok(if row["available"] == share.to_string() { Ok(()) } else { Err(row.to_string()) })
    })
    .await
}

/// What an account has more after it sent the withdrawal that the store prepared, beside what sending costs.
async fn withdrawn(bazaar: &Bazaar, account: Address, token: Option<Address>) -> Result<U256> {
    let balances: Value = bazaar.seller.get(&format!("/api/v1/chain/balances/{account}")).await?;
    let place = usize::from(token.is_some());
    let has = async || match token {
        None => bazaar.node.rpc.coins(account).await,
        Some(token) => bazaar.node.rpc.view(token, &Token::balanceOfCall { account }).await,
    };
    let before = has().await?;
    let receipt = send(bazaar, account, &balances["balances"][place]["withdraw"]).await?;
    let number = |name: &str| serde_json::from_value::<U256>(receipt[name].clone());
    let gas = if token.is_none() { number("gasUsed")? * number("effectiveGasPrice")? } else { U256::ZERO };
    Ok(has().await? + gas - before)
}

/// Sends what the store prepared for a wallet.
async fn send(bazaar: &Bazaar, from: Address, call: &Value) -> Result<Value> {
    assert_eq!(call["chain_id"], CHAIN_ID, "{call}");
    let to: Address = call["to"].as_str().with_context(|| format!("no call: {call}"))?.parse()?;
    let data: Bytes = serde_json::from_value(call["data"].clone())?;
    let value: U256 = serde_json::from_value(call["value"].clone())?;
    let (_, receipt) = bazaar.node.mined(from, Some(to), &data, value).await?;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    Ok(receipt)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_buys_with_nothing_but_what_the_store_prepared() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    for (name, amount, currency) in [("coin", COIN / 100, "ETH"), ("usdc", 4_990_000, "USDC")] {
        let (sale, buyer) = (bazaar.publish(name, amount, currency).await?, Buyer::new());
        bazaar.set_payout(&sale, Some(bazaar.account(PUBLISHER))).await?;
        let path =
            format!("/api/v1/listings/{}/offer?curve=secp256k1&public_key={}", sale.name, buyer.public());
        let offer: Value = bazaar.seller.get(&path).await?;
        assert_eq!((&offer["listed"], &offer["calls"]), (&json!("no"), &Value::Null), "{offer}");
        assert_eq!(offer["item"], sale.item.to_string());
        assert_eq!(offer["item_text"], format!("{name}@1.0.0"));
        send(&bazaar, bazaar.account(PUBLISHER), &offer["list"]).await?;

        let offer = offer_becomes(&bazaar, &path, "yes").await?;
        assert_eq!(offer["amount"], amount.to_string(), "{offer}");
        assert_eq!(offer["fee_bps"], 1500);
        let payer = bazaar.account(PAYER);
        if let Some(token) = sale.token {
            bazaar.node.call(payer, token, &Token::mintCall { to: payer, amount: sale.amount }).await?;
            send(&bazaar, payer, &offer["calls"]["approve"]).await?;
        } else {
            assert!(offer["calls"]["approve"].is_null(), "{offer}");
        }
        let receipt = send(&bazaar, payer, &offer["calls"]["purchase"]).await?;
        let tx = receipt["transactionHash"].as_str().context("no hash")?.parse()?;
        bazaar.node.settle().await?;
        bazaar.payment_becomes(tx, "settled").await?;
        bazaar.obtain(&sale, &buyer, tx).await?;
    }
    Ok(())
}

/// Waits until the store says so of how the contract sells it.
async fn offer_becomes(bazaar: &Bazaar, path: &str, listed: &str) -> Result<Value> {
    until(&format!("`{listed}`"), async || {
        let offer: Value = bazaar.seller.get(path).await?;
        Ok(if offer["listed"] == listed { Ok(offer) } else { Err(offer.to_string()) })
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_client_gets_its_envelope_by_three_fields() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.settle().await?;
    bazaar.payment_becomes(tx, "settled").await?;
    let body = json!({"buyerPubkey": buyer.public(), "pluginId": PLUGIN, "txHash": tx});
    let http = sealpost_tests::person::client()?;
    let given =
        http.post(format!("{}/api/marketplace/purchase", bazaar.proxy.url)).json(&body).send().await?;
    let given: Value = expect(given).await?.json().await?;
    assert!(buyer.opens(&given["envelope"], PLUGIN), "{given}");
    assert!(given["cid"].is_string(), "{given}");
    // Its view call says the same.
    let call = Market::verifyPurchaseCall { pluginId: sale.item, buyerPubkey: buyer.on_chain() };
    assert!(bazaar.node.rpc.view(bazaar.contract, &call).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_is_told_to_differ_when_the_chain_says_something_else() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    let path = format!("/api/v1/listings/{}/offer?curve=secp256k1&public_key={}", sale.name, buyer.public());
    let changed = Sale { amount: sale.amount + U256::from(1), ..sale.clone() };
    bazaar.list(&changed, bazaar.account(PUBLISHER)).await?;
    let offer = offer_becomes(&bazaar, &path, "differs").await?;
    assert!(offer["calls"].is_null(), "{offer}");
    assert!(offer["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{offer}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn seller_and_operator_see_the_sales_and_nobody_else_does() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer, stranger) =
        (bazaar.sell(PLUGIN).await?, Buyer::new(), bazaar.person("stranger").await?);
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.settle().await?;
    bazaar.payment_becomes(tx, "settled").await?;
    for (person, seen) in [(&bazaar.seller, true), (&bazaar.operator, true), (&stranger, false)] {
        let answer = person.request(reqwest::Method::GET, "/api/v1/payments").send().await?;
        let sales: Value = answer.json().await?;
        let found = sales["payments"].as_array().is_some_and(|payments| {
            payments
                .iter()
                .any(|payment| payment["tx_hash"] == tx.to_string() && payment["state"] == "settled")
        });
        assert_eq!(found, seen, "{}: {sales}", person.email);
    }
    Ok(())
}
