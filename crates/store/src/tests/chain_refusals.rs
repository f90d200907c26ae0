//! What does not count, and what strangers cannot make the store do.

use http::StatusCode;
use sealpost_envelope::ecdh::Curve;
use sealpost_market::chain::{Address, BuyerKey, item_id};
use serde_json::{Value, json};

use super::chain_kit::{Action, FINALITY, Paid, USDC};
use super::chain_settling::price;
use super::chain_shop::*;
use crate::chain::ChainFault;

fn stranger() -> Address {
    Address::new([0x66; 20])
}

#[tokio::test]
async fn a_payment_that_is_not_what_was_offered_is_recorded_and_refused_with_its_reason() {
    let off_curve = BuyerKey::from_chain([&[2_u8][..], &[0xff; 32]].concat());
    type Change = Box<dyn Fn(Paid) -> Paid>;
    let cases: [(&str, Change); 7] = [
        ("payment_wrong_amount", Box::new(|paid| Paid { amount: PRICE - 1, ..paid })),
        ("payment_wrong_amount", Box::new(|paid| Paid { amount: PRICE + 1, ..paid })),
        ("payment_wrong_token", Box::new(|paid| Paid { token: Some(USDC), ..paid })),
        ("payment_wrong_token", Box::new(|paid| Paid { token: Some(stranger()), ..paid })),
        ("payment_wrong_publisher", Box::new(|paid| Paid { publisher: stranger(), ..paid })),
        ("payment_key_unusable", Box::new(move |paid| Paid { key: off_curve.clone(), ..paid })),
        ("payment_key_unusable", Box::new(|paid| Paid { key: BuyerKey::from_chain([4; 65]), ..paid })),
    ];
    for (reason, change) in cases {
        let shop = shop().await;
        let wallet = wallet(Curve::Secp256k1);
        let ann = shop.holder("ann", &wallet).await;
        let paid = change(price(&wallet));
        let is_anns = paid.key == on_chain(&wallet);
        let tx = shop.chain.send(Action::Pay(vec![paid]));
        shop.chain.mine(FINALITY);
        shop.watch().await;
        assert_eq!(shop.payment().await, ("refused".to_owned(), Some(reason.to_owned())));
        assert!(shop.licences().await.is_empty() && shop.purchases().await.is_empty());
        let expected = if is_anns { reason } else { "payment_wrong_key" };
        for answer in [shop.buy(&ann, &wallet, tx).await, shop.collect("", &wallet, tx).await] {
            assert_eq!(answer.problem(), (422, expected.to_owned()), "{}", answer.text());
        }
        assert!(shop.purchases().await.is_empty());
    }
}

#[tokio::test]
async fn a_transaction_that_pays_for_something_else_is_refused_whoever_names_it() {
    let shop = shop().await;
    let (wallet, other) = (wallet(Curve::P256), wallet(Curve::P256));
    let ann = shop.holder("ann", &wallet).await;
    let foreign = Paid { item: item_id("somebody.else@1.0.0"), ..price(&wallet) };
    let unknown = Paid { item: item_id("org.example.viewer@9.9.9"), ..price(&wallet) };
    for (action, reason) in [
        (Action::Revert, "payment_reverted"),
        // A look-alike's events are not our contract's.
        (Action::Other, "payment_wrong_contract"),
        (Action::Pay(vec![foreign]), "payment_wrong_listing"),
        (Action::Pay(vec![unknown]), "payment_wrong_listing"),
        (Action::Pay(vec![price(&other)]), "payment_wrong_key"),
    ] {
        let tx = shop.chain.send(action);
        let begun = shop.buy(&ann, &wallet, tx).await;
        assert_eq!(begun.status, StatusCode::CREATED, "nobody knows yet: {}", begun.text());
        shop.kit.pass_s(5);
        shop.chain.mine(FINALITY);
        shop.watch().await;
        for answer in [shop.buy(&ann, &wallet, tx).await, shop.collect("", &wallet, tx).await] {
            assert_eq!(answer.problem(), (422, reason.to_owned()), "{}", answer.text());
        }
        // Who named it while it waited is told the same.
        let shown = shop.purchase(&ann, begun.json()["purchase"]["id"].as_str().unwrap()).await;
        assert_eq!(
            (&shown["purchase"]["state"], &shown["payment"]["state"]),
            (&json!("failed"), &json!("refused"))
        );
        assert_eq!(shown["payment"]["reason"]["code"], reason);
    }
    assert_eq!(shop.licences().await.len(), 1, "of the other wallet");
}

#[tokio::test]
async fn what_the_contract_does_not_confirm_gives_nothing() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    shop.chain.deny(true);
    let tx = shop.paid(&wallet);
    shop.watch().await;
    assert_eq!(shop.payment().await, ("refused".to_owned(), Some("payment_not_verified".to_owned())));
    assert_eq!(shop.collect("", &wallet, tx).await.problem(), (422, "payment_not_verified".to_owned()));
    assert!(shop.licences().await.is_empty());
}

#[tokio::test]
async fn nothing_is_sold_on_chain_that_nobody_offered() {
    let shop = shop().await;
    shop.pay_out_to(Value::Null).await;
    shop.kit.pass_s(4_000);
    let wallet = wallet(Curve::P256);
    shop.chain.pay(ITEM, &on_chain(&wallet), PRICE);
    shop.chain.mine_at(super::kit::START_S as u64 + 4_000, FINALITY);
    shop.watch().await;
    assert_eq!(shop.payment().await, ("refused".to_owned(), Some("payment_not_offered".to_owned())));
}

#[tokio::test]
async fn strangers_leave_no_rows_and_ask_the_chain_once_for_what_they_repeat() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    let unknown = sealpost_market::chain::keccak256(b"nobody sent this");
    let before = shop.chain.asked("transaction");
    for _ in 0..10 {
        let answer = shop.collect("", &wallet, unknown).await;
        assert_eq!(answer.problem(), (409, "payment_pending".to_owned()));
    }
    assert_eq!(shop.chain.asked("transaction") - before, 1);
    let body = json!({"listing": PLUGIN, "payment": {"method": "chain", "tx_hash": unknown}});
    assert_eq!(shop.kit.post("/api/v1/purchases", "", body).await.status, StatusCode::UNAUTHORIZED);
    assert!(shop.payments().await.is_empty() && shop.purchases().await.is_empty());
    // Purchases of other people's goods by the same contract are none of this store's business.
    let foreign = Paid { item: item_id("somebody.else@1.0.0"), ..price(&wallet) };
    shop.chain.send(Action::Pay(vec![foreign; 50]));
    shop.chain.mine(FINALITY);
    let asked = shop.chain.asked("verified");
    shop.watch().await;
    assert!(shop.payments().await.is_empty());
    assert_eq!(shop.chain.asked("verified"), asked);
}

#[tokio::test]
async fn somebody_with_many_waiting_purchases_waits() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    let ann = shop.holder("ann", &wallet).await;
    for number in 0..20_u8 {
        let tx = sealpost_market::chain::keccak256(&[number]);
        assert_eq!(shop.buy(&ann, &wallet, tx).await.status, StatusCode::CREATED);
    }
    let tx = sealpost_market::chain::keccak256(b"one more");
    assert_eq!(shop.buy(&ann, &wallet, tx).await.problem(), (429, "too_many_attempts".to_owned()));
}

#[tokio::test]
async fn nonsense_is_refused_by_name() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    let ann = shop.holder("ann", &wallet).await;
    for text in ["", "0x", "0x00", "deadbeef", &"0x".repeat(33)] {
        let body = json!({"listing": PLUGIN, "payment": {"method": "chain", "tx_hash": text}});
        assert_eq!(shop.kit.post("/api/v1/purchases", &ann, body).await.problem().0, 422);
    }
    let body = json!({"listing": PLUGIN, "payment": {"method": "chain", "tx_hash": format!("0x{:064}", 1)}});
    let bare = super::kit::Kit::new().await;
    let seller = bare.person("sel").await;
    bare.listing(&seller, json!({"id": "l_1"})).await;
    let mut other = body;
    other["listing"] = "l_1".into();
    let answer = bare.post("/api/v1/purchases", &seller, other).await;
    assert_eq!(answer.problem(), (404, "chain_not_configured".to_owned()));
}

#[tokio::test]
async fn a_chain_that_fails_loses_nothing_and_is_seen_to_fail() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    shop.watch().await;
    shop.chain.fail(Some(ChainFault::Disagreement("a.example says otherwise".to_owned())));
    let tx = shop.paid(&wallet);
    let answer = shop.collect("", &wallet, tx).await;
    assert_eq!(answer.problem(), (503, "chain_disagreement".to_owned()));
    // The store's own watcher meets it by itself.
    loop {
        let info = shop.kit.get("/api/v1/chain", "").await.json();
        if info["error"].is_string() {
            assert_eq!(info["caught_up"], false);
            break;
        }
        tokio::task::yield_now().await;
    }
    shop.chain.fail(None);
    shop.watch().await;
    assert_eq!(shop.payment().await, ("settled".to_owned(), None));
    let info = shop.kit.get("/api/v1/chain", "").await.json();
    assert_eq!((&info["error"], &info["caught_up"]), (&Value::Null, &json!(true)));
}
