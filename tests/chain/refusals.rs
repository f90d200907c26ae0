//! What is not a payment for this, each with a code of its own.

use alloy::primitives::{Address, B256, U256};
use anyhow::{Context, Result};
use sealpost_tests::chain::abi::{self, Market};
use sealpost_tests::chain::bazaar::{
    Bazaar, COIN, FEE_BPS, OTHER, OWNER, PAYER, PUBLISHER, Sale, TREASURY, purchase,
};
use sealpost_tests::chain::buyer::{Buyer, random_bytes};
use sealpost_tests::chain::node::{CHAIN_ID, Node};
use sealpost_tests::chain::patience::until;
use sealpost_tests::person::{expect, problem};
use serde_json::Value;

const PLUGIN: &str = "org.example.adder";

/// The transaction is settled, and the store gives nothing for it, and for this reason.
async fn refused_as(
    bazaar: &Bazaar,
    sale: &Sale,
    buyer: &Buyer,
    tx: B256,
    status: u16,
    code: &str,
) -> Result<()> {
    bazaar.node.settle().await?;
    bazaar.caught_up().await?;
    assert_eq!(bazaar.refused(sale, buyer, tx).await?, (status, code.to_owned()));
    assert_eq!(bazaar.sold(sale).await?.len(), 0, "a licence came of it");
    Ok(())
}

/// The same where others paid.
async fn refused_among(
    bazaar: &Bazaar,
    sale: &Sale,
    buyer: &Buyer,
    tx: B256,
    code: &str,
    others: usize,
) -> Result<()> {
    bazaar.node.settle().await?;
    bazaar.caught_up().await?;
    assert_eq!(bazaar.refused(sale, buyer, tx).await?, (422, code.to_owned()));
    assert_eq!(bazaar.sold(sale).await?.len(), others, "a licence came of it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_at_another_contract_of_the_same_kind_is_refused() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    let code = abi::marketplace(bazaar.account(OTHER), bazaar.account(TREASURY), FEE_BPS)?;
    let other = bazaar.node.deploy(bazaar.account(OTHER), &code).await?;
    bazaar.list_at(other, &sale, bazaar.account(PUBLISHER)).await?;
    let tx = bazaar.pay_at(other, &sale, &buyer).await?;
    refused_as(&bazaar, &sale, &buyer, tx, 422, "payment_wrong_contract").await
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_is_sent_plainly_is_no_purchase() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    let (from, to) = (bazaar.account(PAYER), bazaar.account(PUBLISHER));
    let (tx, receipt) = bazaar.node.mined(from, Some(to), &Default::default(), sale.amount).await?;
    assert_eq!(receipt["status"], "0x1");
    refused_as(&bazaar, &sale, &buyer, tx, 422, "payment_wrong_contract").await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_amount_than_the_offers_is_refused() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    for (name, amount) in [("cheap", COIN / 1001), ("dear", COIN / 999), ("nothing", 1)] {
        let (sale, buyer) = (bazaar.publish(name, COIN / 1000, "ETH").await?, Buyer::new());
        bazaar.set_payout(&sale, Some(bazaar.account(PUBLISHER))).await?;
        let changed = Sale { amount: U256::from(amount), ..sale.clone() };
        bazaar.list(&changed, bazaar.account(PUBLISHER)).await?;
        let tx = bazaar.pay(&changed, &buyer).await?;
        refused_as(&bazaar, &sale, &buyer, tx, 422, "payment_wrong_amount").await.context(name)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_token_than_the_offers_is_refused() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let play_money = bazaar.node.deploy(bazaar.account(OTHER), &abi::test_contract("Usdc")?).await?;
    for (name, asked, token) in
        [("play-money", "USDC", Some(play_money)), ("wei", "USDC", None), ("usdc", "ETH", Some(bazaar.usdc))]
    {
        let (sale, buyer) = (bazaar.publish(name, 5_000_000, asked).await?, Buyer::new());
        bazaar.set_payout(&sale, Some(bazaar.account(PUBLISHER))).await?;
        let changed = Sale { token, ..sale.clone() };
        bazaar.list(&changed, bazaar.account(PUBLISHER)).await?;
        let tx = bazaar.pay(&changed, &buyer).await?;
        refused_as(&bazaar, &sale, &buyer, tx, 422, "payment_wrong_token").await.context(name)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_went_to_somebody_else_is_refused() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.publish(PLUGIN, COIN, "ETH").await?, Buyer::new());
    bazaar.set_payout(&sale, Some(bazaar.account(PUBLISHER))).await?;
    // Somebody was first to list it.
    bazaar.list(&sale, bazaar.account(OTHER)).await?;
    let tx = bazaar.pay(&sale, &buyer).await?;
    refused_as(&bazaar, &sale, &buyer, tx, 422, "payment_wrong_publisher").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_of_another_listing_or_version_is_refused() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (dear, cheap) =
        (bazaar.sell_for("dear", COIN, "ETH").await?, bazaar.sell_for("cheap", 1, "ETH").await?);
    let buyer = Buyer::new();
    let tx = bazaar.pay(&cheap, &buyer).await?;
    refused_as(&bazaar, &dear, &buyer, tx, 422, "payment_wrong_listing").await?;
    bazaar.obtain(&cheap, &buyer, tx).await?;

    let never = Sale { item: abi::item("dear", "9.0.0"), ..dear.clone() };
    bazaar.list(&never, bazaar.account(PUBLISHER)).await?;
    let tx = bazaar.pay(&never, &buyer).await?;
    refused_as(&bazaar, &dear, &buyer, tx, 422, "payment_wrong_listing").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_paid_for_one_key_is_wrapped_for_no_other() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer, thief) = (bazaar.sell(PLUGIN).await?, Buyer::new(), Buyer::new());
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.settle().await?;
    bazaar.caught_up().await?;
    assert_eq!(bazaar.refused(&sale, &thief, tx).await?, (422, "payment_wrong_key".to_owned()));
    // Who is signed in proves the key they bought for.
    let person = bazaar.person("thief").await?;
    let refused = problem(bazaar.claim(&person, &sale, &buyer, tx).await?).await?;
    assert_eq!((refused.status, refused.code.as_str()), (403, "key_not_proved"));
    thief.link(&person, &bazaar.proxy.url).await?;
    let refused = problem(bazaar.claim(&person, &sale, &thief, tx).await?).await?;
    assert_eq!((refused.status, refused.code.as_str()), (422, "payment_wrong_key"));
    assert_eq!(person.licences().await?.len(), 0);
    bazaar.obtain(&sale, &buyer, tx).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_on_another_chain_gives_nothing() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    // The same steps on another chain give the same addresses there.
    let other = Node::start_with(&bazaar.folder().join("other"), CHAIN_ID + 1)?;
    let code = abi::marketplace(bazaar.account(OWNER), bazaar.account(TREASURY), FEE_BPS)?;
    assert_eq!(other.deploy(bazaar.account(OWNER), &code).await?, bazaar.contract);
    let list = Market::listCall { pluginId: sale.item, token: Address::ZERO, price: sale.amount.to() };
    other.call(bazaar.account(PUBLISHER), bazaar.contract, &list).await?;
    let call = purchase(&sale, &buyer);
    let tx = other.pay(bazaar.account(PAYER), bazaar.contract, &call, sale.amount).await?;
    other.settle().await?;
    refused_as(&bazaar, &sale, &buyer, tx, 409, "payment_pending").await?;

    // An endpoint that moved over there is not believed.
    bazaar.endpoints[0].lead_to(&other.rpc.url);
    let info = until("an error", async || {
        let info: Value = bazaar.seller.get("/api/v1/chain").await?;
        Ok(if info["error"].is_string() { Ok(info) } else { Err(info.to_string()) })
    })
    .await?;
    assert!(info.to_string().contains(&(CHAIN_ID + 1).to_string()), "{info}");
    let (payer, call) = (bazaar.account(PAYER), purchase(&sale, &Buyer::new()));
    let never_heard_of = other.pay(payer, bazaar.contract, &call, sale.amount).await?;
    assert_eq!(bazaar.refused(&sale, &buyer, never_heard_of).await?, (503, "chain_wrong".to_owned()));
    assert_eq!(bazaar.sold(&sale).await?.len(), 0, "a licence came of it");
    Ok(())
}

/// A contract that tells of purchases by `PUBLISHER` and was never paid.
async fn look_alike(bazaar: &Bazaar) -> Result<Address> {
    let look_alike = bazaar.node.deploy(bazaar.account(OTHER), &abi::test_contract("LookAlike")?).await?;
    let call = Market::pretendCall { publisher: bazaar.account(PUBLISHER), token: Address::ZERO };
    bazaar.node.call(bazaar.account(OTHER), look_alike, &call).await?;
    Ok(look_alike)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_alikes_event_is_refused() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    let look_alike = look_alike(&bazaar).await?;
    let call = purchase(&sale, &buyer);
    let tx = bazaar.node.pay(bazaar.account(PAYER), look_alike, &call, U256::ZERO).await?;
    let copied = bazaar.node.rpc.receipt(tx).await?.context("no receipt")?;
    let real = bazaar.pay(&sale, &Buyer::new()).await?;
    let real = bazaar.node.rpc.receipt(real).await?.context("no receipt")?;
    for log in 0..2 {
        assert_eq!(copied["logs"][log]["topics"][0], real["logs"][log]["topics"][0], "that is no look-alike");
    }
    refused_among(&bazaar, &sale, &buyer, tx, "payment_wrong_contract", 1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_alikes_event_beside_a_real_purchase_counts_for_nobody() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer, thief) = (bazaar.sell(PLUGIN).await?, Buyer::new(), Buyer::new());
    let look_alike = look_alike(&bazaar).await?;
    let batch = abi::batch(&[
        (look_alike, abi::data(&purchase(&sale, &thief)), U256::ZERO),
        (bazaar.contract, abi::data(&purchase(&sale, &buyer)), sale.amount),
        (look_alike, abi::data(&purchase(&sale, &thief)), U256::ZERO),
    ]);
    let (tx, receipt) = bazaar.node.mined(bazaar.account(PAYER), None, &batch, sale.amount).await?;
    assert_eq!(receipt["logs"].as_array().map(Vec::len), Some(6), "{receipt}");
    refused_among(&bazaar, &sale, &thief, tx, "payment_wrong_key", 1).await?;
    bazaar.obtain(&sale, &buyer, tx).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_purchase_of_one_transaction_counts_for_its_own_key() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, other) = (bazaar.sell(PLUGIN).await?, bazaar.sell("other").await?);
    let (ann, bob, eve) = (Buyer::new(), Buyer::new(), Buyer::new());
    let bought = [(&sale, &ann), (&other, &ann), (&sale, &bob)];
    let calls = bought.map(|(sale, buyer)| (bazaar.contract, abi::data(&purchase(sale, buyer)), sale.amount));
    let (tx, receipt) = bazaar
        .node
        .mined(bazaar.account(PAYER), None, &abi::batch(&calls), sale.amount * U256::from(3))
        .await?;
    assert_eq!(receipt["logs"].as_array().map(Vec::len), Some(6), "{receipt}");
    bazaar.node.settle().await?;
    bazaar.caught_up().await?;
    let mut licences = std::collections::BTreeSet::new();
    for (sale, buyer) in bought {
        licences.insert(bazaar.obtain(sale, buyer, tx).await?);
    }
    assert_eq!(licences.len(), 3);
    assert_eq!(bazaar.refused(&sale, &eve, tx).await?.1, "payment_wrong_key");
    assert_eq!((bazaar.sold(&sale).await?.len(), bazaar.sold(&other).await?.len()), (2, 1));
    assert_eq!(bazaar.payments(tx).await?.len(), 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_pays_once_whoever_names_it_again() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, other, buyer) = (bazaar.sell(PLUGIN).await?, bazaar.sell("other").await?, Buyer::new());
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.settle().await?;
    bazaar.caught_up().await?;
    let licence = bazaar.obtain(&sale, &buyer, tx).await?;
    assert_eq!(bazaar.obtain(&sale, &buyer, tx).await?, licence, "the same again gives the same");
    assert_eq!(bazaar.refused(&other, &buyer, tx).await?, (422, "payment_wrong_listing".to_owned()));

    let owner = bazaar.person("owner").await?;
    buyer.link(&owner, &bazaar.proxy.url).await?;
    assert_eq!(bazaar.licence_of(&owner, &sale).await?.id, licence);
    let again = expect(bazaar.claim(&owner, &sale, &buyer, tx).await?).await?;
    let again: Value = again.json().await?;
    assert_eq!(again["licence"]["id"], licence.as_str(), "{again}");

    let stranger = bazaar.person("stranger").await?;
    let refused = problem(bazaar.claim(&stranger, &sale, &buyer, tx).await?).await?;
    assert!(["key_not_proved", "payment_used"].contains(&refused.code.as_str()), "{refused:?}");
    assert_eq!(stranger.licences().await?.len(), 0);
    assert_eq!(bazaar.sold(&sale).await?.len(), 1);
    assert_eq!(bazaar.sold(&other).await?.len(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinalised_payment_waits_and_counts_when_the_blocks_come() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    let tx = bazaar.send(&sale, &buyer).await?;
    assert_eq!(bazaar.refused(&sale, &buyer, tx).await?, (409, "payment_pending".to_owned()), "in the pool");
    bazaar.node.mine(1).await?;
    for _ in 0..2 {
        let waiting = bazaar.claim_as_wallet(&sale, &buyer, tx).await?;
        assert!(waiting.headers().contains_key("retry-after"), "{waiting:?}");
        let waiting = problem(waiting).await?;
        assert_eq!((waiting.status, waiting.code.as_str()), (409, "payment_pending"));
        assert_eq!(bazaar.sold(&sale).await?.len(), 0);
        bazaar.node.mine(1).await?;
    }
    bazaar.payment_becomes(tx, "settled").await?;
    bazaar.obtain(&sale, &buyer, tx).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_in_purchase_is_pending_and_paid_without_another_word() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer, person) = (bazaar.sell(PLUGIN).await?, Buyer::new(), bazaar.person("buyer").await?);
    buyer.link(&person, &bazaar.proxy.url).await?;
    let tx = bazaar.send(&sale, &buyer).await?;
    let bought = bazaar.claim(&person, &sale, &buyer, tx).await?;
    assert_eq!(bought.status(), 201);
    let bought: Value = bought.json().await?;
    assert_eq!((&bought["purchase"]["state"], &bought["licence"]), (&"pending".into(), &().into()));
    let id = bought["purchase"]["id"].as_str().context("no purchase")?.to_owned();
    bazaar.node.mine(3).await?;
    let licence = bazaar.licence_of(&person, &sale).await?;
    assert_eq!(licence.purchase, id);
    let purchase: Value = person.get(&format!("/api/v1/purchases/{id}")).await?;
    assert_eq!(purchase["payment"]["state"], "settled", "{purchase}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reverted_transaction_is_refused() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    let data = abi::data(&purchase(&sale, &buyer));
    let short = sale.amount - U256::from(1);
    let (tx, receipt) = bazaar.node.mined(bazaar.account(PAYER), Some(bazaar.contract), &data, short).await?;
    assert_eq!(receipt["status"], "0x0");
    refused_as(&bazaar, &sale, &buyer, tx, 422, "payment_reverted").await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_transaction_gives_nothing() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    refused_as(&bazaar, &sale, &buyer, B256::from(random_bytes()), 409, "payment_pending").await?;
    for nonsense in ["", "0x", "0x12", "not a hash", &"0".repeat(64), &format!("0x{}", "g".repeat(64))] {
        let body = serde_json::json!({"buyerPubkey": buyer.public(), "pluginId": PLUGIN, "txHash": nonsense});
        let answer = bazaar.seller.post("/api/marketplace/purchase", &body).await?;
        let refused = problem(answer).await?;
        assert!((400..500).contains(&refused.status), "`{nonsense}`: {refused:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_opens_nothing_gets_nothing() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    // 33 bytes that are no point of the curve.
    let mut call = purchase(&sale, &buyer);
    call.buyerPubkey = [&[2][..], &[0xff; 32]].concat().into();
    let (tx, receipt) = bazaar
        .node
        .mined(bazaar.account(PAYER), Some(bazaar.contract), &abi::data(&call), sale.amount)
        .await?;
    bazaar.node.settle().await?;
    bazaar.caught_up().await?;
    if receipt["status"] == "0x1" {
        let payment = bazaar.payment_becomes(tx, "refused").await?.payment;
        assert_eq!(payment.reason.context("no reason")?.code, "payment_key_unusable");
    }
    let (status, code) = bazaar.refused(&sale, &buyer, tx).await?;
    assert_eq!(status, 422, "{code}");
    assert_eq!(bazaar.sold(&sale).await?.len(), 0);
    Ok(())
}
