//! What the chain takes back is taken back, and comes again when it does.

use anyhow::{Context, Result, ensure};
use sealpost_tests::chain::bazaar::{Bazaar, Sale, Wishes};
use sealpost_tests::chain::buyer::Buyer;
use sealpost_tests::chain::patience::until;
use sealpost_tests::person::{expect, problem};

const PLUGIN: &str = "org.example.adder";

/// Waits until the only licence of a sale stands so.
async fn licence_becomes(bazaar: &Bazaar, sale: &Sale, state: &str) -> Result<()> {
    until(&format!("a licence that is {state}"), async || {
        let sold = bazaar.sold(sale).await?;
        Ok(match sold.as_slice() {
            [licence] if licence.state == state => Ok(()),
            other => Err(format!("{other:?}")),
        })
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_suspends_what_was_paid_and_mining_it_again_gives_it_back() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer, person) = (bazaar.sell(PLUGIN).await?, Buyer::new(), bazaar.person("buyer").await?);
    buyer.link(&person, &bazaar.proxy.url).await?;
    let fork = bazaar.node.fork().await?;
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.mine(4).await?;
    bazaar.payment_becomes(tx, "settled").await?;
    let licence = bazaar.obtain(&sale, &buyer, tx).await?;

    // Longer than the old chain, and without the payment.
    let fork = bazaar.node.reorganise(fork, &[tx], 9).await?;
    bazaar.payment_becomes(tx, "undone").await?;
    licence_becomes(&bazaar, &sale, "suspended").await?;
    let (status, code) = bazaar.refused(&sale, &buyer, tx).await?;
    assert!((400..500).contains(&status) && code == "payment_undone", "{status} {code}");
    let bundle = person.request(reqwest::Method::GET, &format!("/api/v1/licences/{licence}/bundle"));
    let refused = problem(bundle.send().await?).await?;
    assert_eq!(refused.code, "payment_undone", "{refused:?}");

    bazaar.node.mine_again(&fork).await?;
    bazaar.node.settle().await?;
    bazaar.payment_becomes(tx, "settled").await?;
    licence_becomes(&bazaar, &sale, "active").await?;
    assert_eq!(bazaar.obtain(&sale, &buyer, tx).await?, licence);
    let device = bazaar.sold(&sale).await?.pop().context("no licence")?.devices.unwrap_or_default();
    assert!(device.len() <= 1, "{device:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_dropped_by_a_reorganisation_never_counts() -> Result<()> {
    let mut bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    let fork = bazaar.node.fork().await?;
    let tx = bazaar.pay(&sale, &buyer).await?;
    assert_eq!(bazaar.refused(&sale, &buyer, tx).await?.1, "payment_pending");
    // It is gone before it was final, and another payment takes its place among the payer's.
    bazaar.node.reorganise(fork, &[tx], 1).await?;
    let instead = Buyer::new();
    let other = bazaar.pay(&sale, &instead).await?;
    bazaar.node.mine(20).await?;
    bazaar.payment_becomes(other, "settled").await?;
    bazaar.caught_up().await?;
    let (status, code) = bazaar.refused(&sale, &buyer, tx).await?;
    assert!(status == 409 || status == 422, "{status} {code}");
    assert_eq!(bazaar.sold(&sale).await?.len(), 1);
    bazaar.kill_store()?;
    bazaar.restart_store()?;
    bazaar.caught_up().await?;
    assert_ne!(bazaar.refused(&sale, &buyer, tx).await?.0, 200);
    assert_eq!(bazaar.sold(&sale).await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_in_another_block_than_before_counts_once() -> Result<()> {
    let bazaar = Bazaar::start_with(Wishes { finality: "3".to_owned(), ..Wishes::default() }).await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    let fork = bazaar.node.fork().await?;
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.mine(1).await?;
    until("a confirmation", async || {
        let waiting = problem(bazaar.claim_as_wallet(&sale, &buyer, tx).await?).await?;
        ensure!(waiting.code == "payment_pending", "{waiting:?}");
        Ok(if waiting.detail.contains("1 of 3") { Ok(()) } else { Err(waiting.detail) })
    })
    .await?;
    let fork = bazaar.node.reorganise(fork, &[tx], 2).await?;
    bazaar.node.mine_again(&fork).await?;
    // Its confirmations are counted from its new block.
    let (status, code) = bazaar.refused(&sale, &buyer, tx).await?;
    assert_eq!((status, code.as_str()), (409, "payment_pending"));
    bazaar.node.mine(3).await?;
    let settled = bazaar.payment_becomes(tx, "settled").await?.payment;
    let receipt = bazaar.node.rpc.receipt(tx).await?.context("not mined")?;
    assert_eq!(settled.block_hash.map(Into::into), Some(receipt["blockHash"].clone()));
    bazaar.obtain(&sale, &buyer, tx).await?;
    assert_eq!(bazaar.sold(&sale).await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_while_the_store_was_down_is_found_out() -> Result<()> {
    let mut bazaar = Bazaar::start().await?;
    let (sale, buyer, kept) = (bazaar.sell(PLUGIN).await?, Buyer::new(), Buyer::new());
    let old = bazaar.pay(&sale, &kept).await?;
    let fork = bazaar.node.fork().await?;
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.mine(6).await?;
    bazaar.payment_becomes(tx, "settled").await?;
    bazaar.obtain(&sale, &buyer, tx).await?;
    bazaar.kill_store()?;
    bazaar.node.reorganise(fork, &[tx], 12).await?;
    bazaar.restart_store()?;
    bazaar.payment_becomes(tx, "undone").await?;
    assert_eq!(bazaar.refused(&sale, &buyer, tx).await?.1, "payment_undone");
    bazaar.payment_becomes(old, "settled").await?;
    bazaar.obtain(&sale, &kept, old).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_lifts_no_suspension_of_an_operator() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    let fork = bazaar.node.fork().await?;
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.mine(4).await?;
    bazaar.payment_becomes(tx, "settled").await?;
    let licence = bazaar.obtain(&sale, &buyer, tx).await?;
    let path = format!("/api/v1/licences/{licence}/revoke");
    expect(bazaar.seller.post(&path, &serde_json::json!({})).await?).await?;
    let fork = bazaar.node.reorganise(fork, &[tx], 9).await?;
    bazaar.payment_becomes(tx, "undone").await?;
    bazaar.node.mine_again(&fork).await?;
    bazaar.node.settle().await?;
    bazaar.payment_becomes(tx, "settled").await?;
    licence_becomes(&bazaar, &sale, "revoked").await?;
    assert_eq!(bazaar.refused(&sale, &buyer, tx).await?.0, 403);
    Ok(())
}
