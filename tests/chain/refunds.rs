//! Money that was given back on chain.

use alloy::primitives::{Address, Bytes, U256};
use anyhow::{Context, Result};
use sealpost_tests::chain::bazaar::{Bazaar, OTHER, OWNER, PAYER, PUBLISHER, Sale, refund};
use sealpost_tests::chain::buyer::Buyer;
use sealpost_tests::chain::{abi, patience::until};
use sealpost_tests::person::problem;
use serde_json::{Value, json};

const PLUGIN: &str = "org.example.adder";

async fn gives_no_keys(
    bazaar: &Bazaar,
    sale: &Sale,
    buyer: &Buyer,
    tx: alloy::primitives::B256,
) -> Result<()> {
    let (status, code) = bazaar.refused(sale, buyer, tx).await?;
    assert!((400..500).contains(&status) && code == "payment_refunded", "{status} {code}");
    let active = bazaar.sold(sale).await?.into_iter().filter(|licence| licence.state == "active").count();
    assert_eq!(active, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_ends_the_licence_and_the_next_purchase_makes_another() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    for (name, amount, currency) in [("coin", 1_000_001, "ETH"), ("usdc", 5_000_001, "USDC")] {
        let (sale, buyer) = (bazaar.sell_for(name, amount, currency).await?, Buyer::new());
        let tx = bazaar.pay(&sale, &buyer).await?;
        bazaar.node.settle().await?;
        bazaar.payment_becomes(tx, "settled").await?;
        let licence = bazaar.obtain(&sale, &buyer, tx).await?;

        let call = refund(&bazaar, &sale, &buyer, tx).await?;
        bazaar.node.call(bazaar.account(PUBLISHER), bazaar.contract, &call).await?;
        bazaar.node.settle().await?;
        bazaar.payment_becomes(tx, "refunded").await?;
        gives_no_keys(&bazaar, &sale, &buyer, tx).await?;

        let again = bazaar.pay(&sale, &buyer).await?;
        bazaar.node.settle().await?;
        bazaar.payment_becomes(again, "settled").await?;
        assert_ne!(bazaar.obtain(&sale, &buyer, again).await?, licence);
        assert_eq!(
            bazaar.refused(&sale, &buyer, tx).await?.1,
            "payment_refunded",
            "the first stays refunded"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_needs_no_store_and_one_that_comes_at_once_leaves_nothing() -> Result<()> {
    let mut bazaar = Bazaar::start().await?;
    let (sale, had, never) = (bazaar.sell(PLUGIN).await?, Buyer::new(), Buyer::new());
    let first = bazaar.pay(&sale, &had).await?;
    bazaar.node.settle().await?;
    bazaar.payment_becomes(first, "settled").await?;
    bazaar.obtain(&sale, &had, first).await?;
    bazaar.stop_store()?;
    let second = bazaar.pay(&sale, &never).await?;
    // The operator's wallet can do it too, in the first days, and pays what the publisher's balance lacks.
    let call = refund(&bazaar, &sale, &had, first).await?;
    bazaar.node.call(bazaar.account(OWNER), bazaar.contract, &call).await?;
    let call = refund(&bazaar, &sale, &never, second).await?;
    bazaar.node.call(bazaar.account(PUBLISHER), bazaar.contract, &call).await?;
    bazaar.node.settle().await?;
    bazaar.restart_store()?;
    for (buyer, tx) in [(&had, first), (&never, second)] {
        bazaar.payment_becomes(tx, "refunded").await?;
        gives_no_keys(&bazaar, &sale, buyer, tx).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_prepares_the_refund_for_the_seller_and_does_none_itself() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer, person) = (bazaar.sell(PLUGIN).await?, Buyer::new(), bazaar.person("buyer").await?);
    buyer.link(&person, &bazaar.proxy.url).await?;
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.settle().await?;
    let licence = bazaar.licence_of(&person, &sale).await?;
    let path = format!("/api/v1/purchases/{}/refund", licence.purchase);
    let refused = problem(bazaar.operator.post(&path, &json!({})).await?).await?;
    assert_eq!((refused.status, refused.code.as_str()), (409, "refund_on_chain"));

    let sales: Value = bazaar.seller.get(&format!("/api/v1/payments?listing={}", sale.listing)).await?;
    let call = &sales["payments"][0]["refund"];
    let to: Address = call["to"].as_str().context("no call")?.parse()?;
    assert_eq!(to, bazaar.contract);
    let data: Bytes = serde_json::from_value(call["data"].clone())?;
    let value: U256 = serde_json::from_value(call["value"].clone())?;
    // Nobody else can send it.
    let (_, receipt) = bazaar.node.mined(bazaar.account(OTHER), Some(to), &data, value).await?;
    assert_eq!(receipt["status"], "0x0");
    let before = bazaar.node.rpc.coins(bazaar.account(PAYER)).await?;
    let (_, receipt) = bazaar.node.mined(bazaar.account(PUBLISHER), Some(to), &data, value).await?;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    let back = bazaar.node.rpc.coins(bazaar.account(PAYER)).await? - before;
    // To the payer's balance in the contract, or to the payer.
    let held = bazaar.balance(bazaar.account(PAYER), None).await?.0;
    assert_eq!(back + held, sale.amount);
    bazaar.node.settle().await?;
    bazaar.payment_becomes(tx, "refunded").await?;
    until("a revoked licence", async || {
        let state = person.licences().await?.remove(0).state;
        Ok(if state == "revoked" { Ok(()) } else { Err(state) })
    })
    .await?;
    let strangers: Value =
        person.get(&format!("/api/v1/payments?listing={}", sale.listing)).await.unwrap_or_default();
    assert!(strangers["payments"].as_array().is_none_or(Vec::is_empty), "{strangers}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_the_chain_takes_back_restores_the_licence() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.settle().await?;
    bazaar.payment_becomes(tx, "settled").await?;
    let licence = bazaar.obtain(&sale, &buyer, tx).await?;
    let fork = bazaar.node.fork().await?;
    let call = refund(&bazaar, &sale, &buyer, tx).await?;
    let (publisher, data) = (bazaar.account(PUBLISHER), abi::data(&call));
    let refunded = bazaar.node.rpc.send(publisher, Some(bazaar.contract), &data, U256::ZERO).await?;
    bazaar.node.mine(4).await?;
    bazaar.payment_becomes(tx, "refunded").await?;
    bazaar.node.reorganise(fork, &[refunded], 9).await?;
    bazaar.payment_becomes(tx, "settled").await?;
    assert_eq!(bazaar.obtain(&sale, &buyer, tx).await?, licence);
    Ok(())
}
