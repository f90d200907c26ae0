//! Payments that came too late or at another price and that the seller takes all the same; and who can give which back.

use http::StatusCode;
use sealpost_envelope::ecdh::{Curve, SecretKey};
use sealpost_market::chain::{Address, ChainHash};
use serde_json::{Value, json};

use super::chain_kit::{Action, FINALITY, Paid};
use super::chain_settling::price;
use super::chain_shop::*;
use super::kit::{Answer, START_S};

const DAY_S: i64 = 86_400;

async fn accept(shop: &Shop, token: &str, tx: ChainHash) -> Answer {
    shop.kit.post(&format!("/api/v1/payments/{tx}/accept"), token, json!({})).await
}

/// A shop with a payment of another amount than the price.
async fn underpaid() -> (Shop, SecretKey, ChainHash) {
    let (shop, wallet) = (shop().await, wallet(Curve::P256));
    let tx = shop.chain.pay(ITEM, &on_chain(&wallet), PRICE - 1);
    shop.chain.mine(FINALITY);
    shop.watch().await;
    assert_eq!(shop.payment().await, ("refused".to_owned(), Some("payment_wrong_amount".to_owned())));
    (shop, wallet, tx)
}

#[tokio::test]
async fn the_seller_may_take_another_amount_than_the_price() {
    let (shop, wallet, tx) = underpaid().await;
    let accepted = accept(&shop, &shop.seller, tx).await;
    assert_eq!(accepted.status, StatusCode::OK, "{}", accepted.text());
    let shown = accepted.json();
    assert_eq!((&shown["state"], shown.get("reason")), (&json!("settled"), None));
    assert!(shown["purchase"].is_string());
    assert!(opens(&shop.collect("", &wallet, tx).await.json(), &wallet));
    let paid = &shop.purchases().await[0];
    assert_eq!((paid.price_amount.as_deref(), paid.price_currency.as_deref()), (Some("999"), Some("ETH")));
    // Again changes nothing.
    assert_eq!(accept(&shop, &shop.seller, tx).await.json(), shown);
    assert_eq!(shop.licences().await.len(), 1);
    let about = format!("payment:{tx}");
    let entries = sealpost_accounts::audit::about(&shop.kit.store.state.db, &about, 0, 20).await.unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.action == "payment.accepted").count(), 1);
}

#[tokio::test]
async fn the_operator_may_take_what_was_paid_when_it_was_not_offered() {
    let (shop, wallet) = (shop().await, wallet(Curve::P256));
    shop.pay_out_to(Value::Null).await;
    shop.kit.pass_s(4_000);
    let tx = shop.chain.pay(ITEM, &on_chain(&wallet), PRICE);
    shop.chain.mine_at(START_S as u64 + 4_000, FINALITY);
    shop.watch().await;
    assert_eq!(shop.payment().await, ("refused".to_owned(), Some("payment_not_offered".to_owned())));
    let refused = shop.collect("", &wallet, tx).await;
    assert!(refused.string("hint").contains("accept"), "{}", refused.text());
    let operator = shop.kit.operator().await;
    let accepted = accept(&shop, &operator, tx).await;
    assert_eq!(accepted.json()["state"], "settled", "{}", accepted.text());
    assert!(opens(&shop.collect("", &wallet, tx).await.json(), &wallet));
}

#[tokio::test]
async fn what_was_accepted_counts_again_after_a_reorganisation() {
    let (shop, wallet, tx) = underpaid().await;
    assert!(accept(&shop, &shop.seller, tx).await.status.is_success());
    shop.chain.fork(FINALITY as usize + 1);
    shop.chain.mine(FINALITY + 2);
    shop.watch().await;
    assert_eq!(shop.payment().await, ("settled".to_owned(), None));
    assert!(opens(&shop.collect("", &wallet, tx).await.json(), &wallet));
}

#[tokio::test]
async fn nobody_else_accepts_a_payment_and_nobody_what_is_not_theirs_to_take() {
    let (shop, _, tx) = underpaid().await;
    let eve = shop.kit.person("eve").await;
    assert_eq!(accept(&shop, "", tx).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(accept(&shop, &eve, tx).await.problem().0, 404);
    assert_eq!(
        accept(&shop, &shop.seller, sealpost_market::chain::keccak256(b"none")).await.problem().0,
        404
    );

    // The money of these went to somebody else, or is gone.
    let squatter = Paid { publisher: Address::new([0x66; 20]), ..price(&wallet(Curve::P256)) };
    let elsewhere = shop.chain.send(Action::Pay(vec![squatter]));
    shop.chain.mine(FINALITY);
    shop.watch().await;
    let refused = accept(&shop, &shop.seller, elsewhere).await;
    assert_eq!(refused.problem(), (409, "payment_not_acceptable".to_owned()));
    shop.chain.deny(true);
    let refused = accept(&shop, &shop.seller, tx).await;
    assert_eq!(refused.problem(), (422, "payment_not_verified".to_owned()), "{}", refused.text());
    assert!(shop.licences().await.is_empty());
}

#[tokio::test]
async fn what_was_given_back_is_not_accepted() {
    let (shop, wallet, tx) = underpaid().await;
    let item = sealpost_market::chain::item_id(ITEM);
    shop.chain.send(Action::Refund { item, key: on_chain(&wallet) });
    shop.chain.mine(FINALITY);
    // Before the store has read of it, too.
    assert_eq!(accept(&shop, &shop.seller, tx).await.problem(), (422, "payment_not_verified".to_owned()));
    shop.watch().await;
    assert_eq!(accept(&shop, &shop.seller, tx).await.problem(), (409, "payment_not_acceptable".to_owned()));
    assert!(shop.licences().await.is_empty());
}

#[tokio::test]
async fn a_refund_is_offered_to_those_alone_whose_wallet_can_send_it() {
    let shop = shop().await;
    let squatter = Paid { publisher: Address::new([0x66; 20]), ..price(&wallet(Curve::P256)) };
    let tx = shop.chain.send(Action::Pay(vec![squatter]));
    shop.chain.mine(FINALITY);
    shop.watch().await;
    let operator = shop.kit.operator().await;
    let shown = async |token: &str| {
        let all = shop.kit.get("/api/v1/payments", token).await.json()["payments"][0].clone();
        let one = shop.kit.get(&format!("/api/v1/payments/{tx}"), token).await.json()["payments"][0].clone();
        assert_eq!(all.get("refund").is_some(), one.get("refund").is_some());
        (all["reason"]["hint"].as_str().unwrap().to_owned(), all.get("refund").is_some())
    };
    let (hint, refundable) = shown(&shop.seller).await;
    assert!(!refundable);
    assert!(hint.contains("30 days") && !hint.contains("Ask the seller"), "{hint}");
    // The contract's owner may, for a while.
    assert!(shown(&operator).await.1);
}

#[tokio::test]
async fn operators_are_offered_no_refund_when_the_contract_takes_none_of_them_any_more() {
    for (days, offered) in [(29, true), (31, false)] {
        let shop = shop().await;
        let squatter = Paid { publisher: Address::new([0x66; 20]), ..price(&wallet(Curve::P256)) };
        shop.chain.send(Action::Pay(vec![squatter]));
        shop.chain.mine_at((START_S - days * DAY_S).unsigned_abs(), FINALITY);
        shop.watch().await;
        let operator = shop.kit.operator().await;
        let shown = shop.kit.get("/api/v1/payments", &operator).await.json()["payments"][0].clone();
        assert_eq!(shown.get("refund").is_some(), offered, "{days} days: {shown}");
    }
}
