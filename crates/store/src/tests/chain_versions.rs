//! Which version a payment gives, and what is said of transactions that never come.

use sealpost_envelope::ecdh::Curve;
use sealpost_market::chain::{Address, keccak256};
use serde_json::{Value, json};

use super::chain_kit::{FINALITY, SELLER, USDC};
use super::chain_shop::*;
use super::kit::Answer;

async fn collect(shop: &Shop, wallet: &sealpost_envelope::ecdh::SecretKey, more: Value) -> Answer {
    let mut body = json!({
        "pluginId": PLUGIN, "buyerPubkey": wallet.recipient().to_hex(),
        "curve": wallet.recipient().curve().as_str(),
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    shop.kit.post("/api/marketplace/purchase", "", body).await
}

#[tokio::test]
async fn whoever_has_no_account_is_given_the_version_that_was_paid_for() {
    let shop = shop().await;
    for version in ["2.0.0-rc.1", "2.0.0"] {
        shop.publish(version).await;
    }
    for version in ["1.0.0", "2.0.0-rc.1", "2.0.0"] {
        let wallet = wallet(Curve::P256);
        let tx = shop.chain.pay(&format!("{PLUGIN}@{version}"), &on_chain(&wallet), PRICE);
        shop.chain.mine(FINALITY);
        shop.watch().await;
        for _ in 0..2 {
            let answer = collect(&shop, &wallet, json!({"txHash": tx})).await.json();
            assert_eq!(answer["version"], version);
            assert!(opens(&answer, &wallet));
        }
    }
}

#[tokio::test]
async fn whoever_has_no_account_names_the_version_they_want() {
    let shop = shop().await;
    shop.publish("2.0.0").await;
    let wallet = wallet(Curve::P256);
    let tx = shop.paid(&wallet);
    shop.watch().await;
    for version in ["2.0.0", "1.0.0", "2.0.0"] {
        let answer = collect(&shop, &wallet, json!({"txHash": tx, "version": version})).await.json();
        assert_eq!(answer["version"], version);
        assert!(opens(&answer, &wallet));
        // The licence is found by its key alone, too.
        let mine = collect(&shop, &wallet, json!({"version": version})).await.json();
        assert_eq!(mine, answer);
    }
    assert_eq!(shop.licences().await.len(), 1);
    let unknown = collect(&shop, &wallet, json!({"txHash": tx, "version": "3.0.0"})).await;
    assert_eq!(unknown.problem(), (404, "no_release".to_owned()));
    let nonsense = collect(&shop, &wallet, json!({"txHash": tx, "version": "!"})).await;
    assert_eq!(nonsense.problem(), (422, "invalid".to_owned()));
}

#[tokio::test]
async fn a_plugin_that_costs_nothing_is_given_in_the_version_that_is_named() {
    let shop = shop().await;
    let free = json!({"kind": "plugin", "plugin": {"plugin_id": "org.example.free"}, "price": null});
    let listing = shop.kit.listing(&shop.seller, free).await;
    for version in ["1.0.0", "2.0.0"] {
        let release = json!({"listing": listing, "version": version});
        assert!(shop.kit.publish(&shop.seller, release, super::plugin_kit::WASM).await.status.is_success());
    }
    let wallet = wallet(Curve::P256);
    for version in ["1.0.0", "2.0.0", "1.0.0"] {
        let wanted = json!({"pluginId": "org.example.free", "version": version});
        let answer = collect(&shop, &wallet, wanted).await;
        assert_eq!(answer.json()["version"], version, "{}", answer.text());
    }
    assert_eq!(shop.licences().await.len(), 1);
}

#[tokio::test]
async fn a_version_that_was_sold_in_one_token_cannot_be_listed_in_another() {
    let shop = shop_with(json!({"price": {"amount": "25", "currency": "USDC"}})).await;
    let other = Address::new([0xdd; 20]);
    let offer = async || {
        shop.kit.pass_s(10);
        shop.kit.get(&format!("/api/v1/listings/{PLUGIN}/offer"), "").await.json()
    };
    for active in [true, false] {
        shop.chain.list(ITEM, SELLER, Some(other), 25);
        if !active {
            shop.chain.unlist(ITEM);
        }
        let shown = offer().await;
        assert_eq!(shown.get("list"), None, "{shown}");
        assert!(shown["hint"].as_str().unwrap().contains("new version"), "{shown}");
    }
    for token in [None, Some(USDC)] {
        shop.chain.list(ITEM, SELLER, token, 26);
        assert!(offer().await.get("list").is_some(), "{token:?}");
    }
}

#[tokio::test]
async fn a_transaction_that_nobody_hears_of_is_told_as_unknown_in_the_end() {
    let shop = shop().await;
    let (wallet, tx) = (wallet(Curve::P256), keccak256(b"of another chain"));
    let ann = shop.holder("ann", &wallet).await;
    assert_eq!(shop.collect("", &wallet, tx).await.problem(), (409, "payment_pending".to_owned()));
    let begun = shop.buy(&ann, &wallet, tx).await.json();
    shop.kit.pass_s(700);
    let unknown = shop.collect("", &wallet, tx).await;
    assert_eq!(unknown.problem(), (404, "payment_unknown".to_owned()));
    assert!(unknown.string("hint").contains("chain"));
    shop.kit.pass_s(3_600);
    shop.watch().await;
    let id = begun["purchase"]["id"].as_str().unwrap();
    let shown = shop.purchase(&ann, id).await["payment"].clone();
    assert_eq!((&shown["state"], &shown["reason"]["code"]), (&json!("dropped"), &json!("payment_unknown")));
    // It counts when it comes after all.
    shop.chain.resend(tx, super::chain_kit::Action::Pay(vec![super::chain_settling::price(&wallet)]));
    shop.chain.mine(FINALITY);
    shop.watch().await;
    shop.kit.pass_s(10);
    assert!(opens(&shop.collect("", &wallet, tx).await.json(), &wallet));
    assert_eq!(shop.purchase(&ann, id).await["payment"].get("reason"), None);
}

#[tokio::test]
async fn endpoints_that_forget_the_state_of_settled_blocks_are_told_of_before_anybody_pays() {
    let shop = shop().await;
    let info = async || shop.kit.get("/api/v1/chain", "").await.json();
    assert_eq!(info().await.get("warnings"), None);
    shop.chain.prune(true);
    shop.chain.mine(FINALITY);
    shop.kit.pass_s(1_000);
    let warnings = info().await["warnings"].clone();
    let warning = warnings[0].as_str().unwrap();
    assert!(warning.contains("settled block") && warning.contains("missing trie node"), "{warning}");
    shop.chain.prune(false);
    shop.kit.pass_s(1_000);
    assert_eq!(info().await.get("warnings"), None);
}
