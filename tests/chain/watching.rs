//! Purchases that nobody told the store about.

use alloy::primitives::U256;
use anyhow::Result;
use sealpost_api::catalogue::{NewListing, Price};
use sealpost_envelope::ecdh::Curve;
use sealpost_tests::chain::abi;
use sealpost_tests::chain::bazaar::{Bazaar, COIN, OTHER, PUBLISHER, Sale};
use sealpost_tests::chain::buyer::Buyer;
use sealpost_tests::parts;

const PLUGIN: &str = "org.example.adder";

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_nobody_told_of_becomes_a_licence_whatever_the_keys_curve() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let sale = bazaar.sell(PLUGIN).await?;
    for curve in [Curve::Secp256k1, Curve::P256, Curve::P384, Curve::X25519, Curve::Ed25519] {
        let buyer = Buyer::with(curve);
        let tx = bazaar.pay(&sale, &buyer).await?;
        bazaar.node.settle().await?;
        let before = bazaar.payment_becomes(tx, "settled").await?;
        assert_eq!(before.payment.amount.as_deref(), Some(sale.amount.to_string().as_str()), "{before:?}");
        bazaar.obtain(&sale, &buyer, tx).await?;
    }
    assert_eq!(bazaar.sold(&sale).await?.len(), 5);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_bought_while_the_store_was_down_is_caught_up() -> Result<()> {
    let mut bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    bazaar.caught_up().await?;
    bazaar.stop_store()?;
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.mine(300).await?;
    bazaar.restart_store()?;
    bazaar.payment_becomes(tx, "settled").await?;
    bazaar.obtain(&sale, &buyer, tx).await?;
    assert_eq!(bazaar.sold(&sale).await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_proves_the_key_later_is_given_what_it_bought_and_buys() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, later, buyer) = (bazaar.sell(PLUGIN).await?, bazaar.sell("later").await?, Buyer::new());
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.settle().await?;
    bazaar.payment_becomes(tx, "settled").await?;
    let licence = bazaar.obtain(&sale, &buyer, tx).await?;

    let person = bazaar.person("buyer").await?;
    assert_eq!(person.licences().await?.len(), 0);
    let linked = buyer.link(&person, &bazaar.proxy.url).await?;
    assert_eq!(linked["licences"], 1, "{linked}");
    assert_eq!(bazaar.licence_of(&person, &sale).await?.id, licence);
    assert_eq!(bazaar.obtain(&sale, &buyer, tx).await?, licence, "the wallet gets it as before");

    bazaar.pay(&later, &buyer).await?;
    bazaar.node.settle().await?;
    assert_eq!(bazaar.licence_of(&person, &later).await?.state, "active");
    assert_eq!((bazaar.sold(&sale).await?.len(), bazaar.sold(&later).await?.len()), (1, 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_for_sale_gives_nothing_and_says_why_when_it_is_named() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.publish(PLUGIN, COIN, "ETH").await?, Buyer::new());
    bazaar.list(&sale, bazaar.account(PUBLISHER)).await?;
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.settle().await?;
    bazaar.caught_up().await?;
    assert_eq!(bazaar.refused(&sale, &buyer, tx).await?.1, "payment_not_offered");
    // It is not for sale afterwards either, for what was paid before.
    bazaar.set_payout(&sale, Some(bazaar.account(OTHER))).await?;
    bazaar.node.settle().await?;
    bazaar.caught_up().await?;
    assert_eq!(bazaar.sold(&sale).await?.len(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_was_changed_counts_for_an_hour_more() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    bazaar.reprice(&sale, COIN).await?;
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.settle().await?;
    bazaar.payment_becomes(tx, "settled").await?;
    bazaar.obtain(&sale, &buyer, tx).await?;

    // The chain's clock is what counts.
    let late = Buyer::new();
    bazaar.node.rpc.ask("evm_increaseTime", serde_json::json!([3700])).await?;
    let tx = bazaar.pay(&sale, &late).await?;
    bazaar.node.settle().await?;
    bazaar.payment_becomes(tx, "refused").await?;
    assert_eq!(bazaar.refused(&sale, &late, tx).await?, (422, "payment_wrong_amount".to_owned()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn prints_are_sold_on_chain_as_plugins_are() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let listing = NewListing {
        id: Some("ring".to_owned()),
        title: "Ring".to_owned(),
        price: Some(Price { amount: COIN.to_string(), currency: "ETH".to_owned() }),
        prints: Some(3),
        ..NewListing::default()
    };
    bazaar.seller.offer(&listing).await?;
    bazaar.seller.publish("ring", "1.0.0", &parts::sliced()).await?;
    let (name, item) = ("ring".to_owned(), abi::item("ring", "1.0.0"));
    let sale = Sale { listing: name.clone(), name, item, token: None, amount: U256::from(COIN) };
    bazaar.set_payout(&sale, Some(bazaar.account(PUBLISHER))).await?;
    bazaar.list(&sale, bazaar.account(PUBLISHER)).await?;
    let (buyer, person) = (Buyer::new(), bazaar.person("buyer").await?);
    buyer.link(&person, &bazaar.proxy.url).await?;
    bazaar.pay(&sale, &buyer).await?;
    bazaar.node.settle().await?;
    let licence = bazaar.licence_of(&person, &sale).await?;
    assert_eq!(
        (licence.state.as_str(), licence.prints_allowed, licence.kind.as_str()),
        ("active", 3, "gcode")
    );
    Ok(())
}
