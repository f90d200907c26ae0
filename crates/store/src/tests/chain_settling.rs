//! What is paid on chain becomes obtainable, once, whoever tells of it.

use http::StatusCode;
use sealpost_envelope::ecdh::Curve;
use sealpost_market::chain::item_id;
use serde_json::{Value, json};

use super::chain_kit::{Action, FINALITY, Paid, SELLER, USDC};
use super::chain_shop::*;
use super::kit::{GCODE, START_S};

#[tokio::test]
async fn a_payment_that_nobody_tells_of_becomes_a_licence_of_the_wallet() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    shop.paid(&wallet);
    shop.watch().await;
    assert_eq!(shop.payment().await, ("settled".to_owned(), None));
    let licences = shop.licences().await;
    assert!(licences.len() == 1 && licences[0].holder.starts_with("w_"), "{licences:?}");
    let purchase = &shop.purchases().await[0];
    assert_eq!((purchase.method.as_str(), purchase.state.as_str()), ("chain", "paid"));
    assert_eq!(
        (purchase.price_amount.as_deref(), purchase.price_currency.as_deref()),
        (Some("1000"), Some("ETH"))
    );
    assert_eq!(purchase.version.as_deref(), Some("1.0.0"));
    // Without the transaction: the wallet has it.
    let body = json!({"pluginId": PLUGIN, "buyerPubkey": wallet.recipient().to_hex(), "curve": "p256"});
    let given = shop.kit.post("/api/marketplace/purchase", "", body).await;
    assert!(opens(&given.json(), &wallet), "{}", given.text());
}

#[tokio::test]
async fn a_wallet_collects_with_its_transaction_as_soon_as_that_is_settled() {
    let shop = shop().await;
    for curve in [Curve::Secp256k1, Curve::P256, Curve::P384, Curve::X25519, Curve::Ed25519] {
        let wallet = wallet(curve);
        let tx = shop.chain.pay(ITEM, &on_chain(&wallet), PRICE);
        assert_eq!(shop.collect("", &wallet, tx).await.problem(), (409, "payment_pending".to_owned()));
        shop.chain.mine(0);
        shop.kit.pass_s(10);
        let waits = shop.collect("", &wallet, tx).await;
        assert_eq!(waits.problem(), (409, "payment_pending".to_owned()));
        assert!(waits.headers.contains_key("retry-after"));
        assert!(waits.string("detail").contains(" of 3 confirmations"), "{}", waits.text());
        shop.chain.mine(FINALITY - 1);
        shop.watch().await;
        let given = shop.collect("", &wallet, tx).await;
        assert!(opens(&given.json(), &wallet), "{}", given.text());
        assert_eq!(shop.collect("", &wallet, tx).await.json(), given.json());
    }
    assert_eq!(shop.licences().await.len(), 5);
}

#[tokio::test]
async fn a_signed_in_purchase_goes_from_waiting_to_confirming_to_paid() {
    let shop = shop().await;
    let wallet = wallet(Curve::Secp256k1);
    let ann = shop.holder("ann", &wallet).await;
    let tx = shop.chain.pay(ITEM, &on_chain(&wallet), PRICE);
    let begun = shop.buy(&ann, &wallet, tx).await;
    assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.text());
    let begun = begun.json();
    assert_eq!(
        (&begun["purchase"]["state"], &begun["payment"]["state"]),
        (&json!("pending"), &json!("waiting"))
    );
    assert_eq!(begun["licence"], Value::Null);
    let id = begun["purchase"]["id"].as_str().unwrap();
    shop.chain.mine(1);
    shop.watch().await;
    let seen = shop.purchase(&ann, id).await;
    assert_eq!(
        (&seen["purchase"]["state"], &seen["payment"]["state"]),
        (&json!("pending"), &json!("confirming"))
    );
    assert_eq!(seen["payment"]["amount"], "1000");
    shop.chain.mine(FINALITY);
    shop.watch().await;
    let paid = shop.purchase(&ann, id).await;
    assert_eq!((&paid["purchase"]["state"], &paid["payment"]["state"]), (&json!("paid"), &json!("settled")));
    assert_eq!(paid["licence"]["state"], "active");
    let again = shop.buy(&ann, &wallet, tx).await.json();
    assert_eq!((&again["purchase"], &again["licence"]), (&paid["purchase"], &paid["licence"]));
    let given = shop.collect(&ann, &wallet, tx).await;
    assert!(opens(&given.json(), &wallet), "{}", given.text());
    assert_eq!((shop.licences().await.len(), shop.purchases().await.len()), (1, 1));
}

#[tokio::test]
async fn a_purchase_and_its_transaction_say_the_same_before_the_watcher_comes() {
    let shop = shop_alone().await;
    let wallet = wallet(Curve::Secp256k1);
    let ann = shop.holder("ann", &wallet).await;
    let told = async |tx, id: &str| {
        let by_tx = shop.kit.get(&format!("/api/v1/payments/{tx}"), &ann).await.json()["payments"][0].clone();
        let by_id = shop.purchase(&ann, id).await["payment"].clone();
        for name in ["state", "block", "block_hash", "confirmations", "amount", "fee", "payer", "paid_at"] {
            assert_eq!(by_tx[name], by_id[name], "{name}: {by_tx} {by_id}");
        }
        by_id["state"].as_str().unwrap().to_owned()
    };
    let mined = shop.chain.pay(ITEM, &on_chain(&wallet), PRICE);
    shop.chain.mine(0);
    let before = shop.kit.get(&format!("/api/v1/payments/{mined}"), "").await.json()["payments"][0].clone();
    assert_eq!(before["state"], "confirming");
    let begun = shop.buy(&ann, &wallet, mined).await.json();
    for name in ["state", "block", "block_hash", "confirmations", "amount", "fee", "payer", "paid_at"] {
        assert_eq!(begun["payment"][name], before[name], "{name}");
    }
    assert_eq!(told(mined, begun["purchase"]["id"].as_str().unwrap()).await, "confirming");

    let sent = shop.chain.pay(ITEM, &on_chain(&wallet), PRICE);
    let begun = shop.buy(&ann, &wallet, sent).await.json();
    let id = begun["purchase"]["id"].as_str().unwrap();
    assert_eq!(told(sent, id).await, "waiting");
    // Named again once it is mined.
    shop.chain.mine(0);
    shop.kit.pass_s(10);
    assert_eq!(shop.buy(&ann, &wallet, sent).await.json()["payment"]["state"], "confirming");
    assert_eq!(told(sent, id).await, "confirming");
}

#[tokio::test]
async fn a_purchase_that_is_settled_when_it_is_named_is_paid_at_once() {
    let shop = shop().await;
    let wallet = wallet(Curve::X25519);
    let ann = shop.holder("ann", &wallet).await;
    let tx = shop.paid(&wallet);
    shop.watch().await;
    let mut key = recipient(&wallet);
    (key["index"], key["name"]) = (json!(7), json!("laptop"));
    let payment = json!({"method": "chain", "tx_hash": tx});
    let body = json!({"listing": PLUGIN, "payment": payment, "recipient": key});
    let bought = shop.kit.post("/api/v1/purchases", &ann, body).await;
    assert_eq!(bought.json()["purchase"]["state"], "paid", "{}", bought.text());
    assert_eq!(bought.json()["licence"]["devices"][0]["index"], 7);
    assert_eq!(bought.json()["licence"]["devices"][0]["public_key"], wallet.recipient().to_hex());
}

#[tokio::test]
async fn a_wallets_licences_go_to_whoever_proves_its_key_and_later_ones_directly() {
    let shop = shop().await;
    let wallet = wallet(Curve::Ed25519);
    let tx = shop.paid(&wallet);
    shop.watch().await;
    let ann = shop.kit.person("ann").await;
    assert_eq!(shop.buy(&ann, &wallet, tx).await.problem(), (403, "key_not_proved".to_owned()));
    assert_eq!(shop.collect(&ann, &wallet, tx).await.problem(), (403, "key_not_proved".to_owned()));
    shop.prove(&ann, &wallet).await;
    assert_eq!(shop.buy(&ann, &wallet, tx).await.json()["purchase"]["state"], "paid");
    let ben = shop.kit.person("ben").await;
    assert_eq!(shop.buy(&ben, &wallet, tx).await.problem(), (403, "key_not_proved".to_owned()));
    // Who proves it later gets what is paid later.
    shop.prove(&ben, &wallet).await;
    assert_eq!(shop.buy(&ben, &wallet, tx).await.problem(), (409, "payment_used".to_owned()));
    assert_eq!(shop.collect(&ben, &wallet, tx).await.problem(), (409, "payment_used".to_owned()));
    shop.publish("2.0.0").await;
    let newer = Paid { item: item_id("org.example.viewer@2.0.0"), ..price(&wallet) };
    shop.chain.send(Action::Pay(vec![newer]));
    shop.chain.mine(FINALITY);
    shop.watch().await;
    let theirs = shop.kit.get("/api/v1/licences", &ben).await.json();
    assert_eq!(theirs["licences"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn twenty_requests_and_two_stores_settle_a_payment_once() {
    let shop = shop().await;
    let other = shop.kit.again().await;
    let wallet = wallet(Curve::P256);
    let ann = shop.holder("ann", &wallet).await;
    let tx = shop.paid(&wallet);
    let requests = (0..20).map(|i| {
        let kit = if i % 2 == 0 { &shop.kit } else { &other };
        let (shop, ann, wallet) = (&shop, &ann, &wallet);
        async move {
            let body = json!({
                "listing": PLUGIN, "payment": {"method": "chain", "tx_hash": tx}, "recipient": recipient(wallet),
            });
            let answer = kit.post("/api/v1/purchases", ann, body).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
            if i % 5 == 0 {
                watch_with(kit).await;
            }
            let _ = shop.collect("", wallet, tx).await;
        }
    });
    futures::future::join_all(requests).await;
    shop.watch().await;
    watch_with(&other).await;
    assert_eq!(shop.payment().await, ("settled".to_owned(), None));
    assert_eq!((shop.licences().await.len(), shop.purchases().await.len()), (1, 1));
    assert_eq!(shop.licences().await[0].used, 1, "one device");
}

#[tokio::test]
async fn a_store_that_was_closed_catches_up_with_what_was_paid_meanwhile() {
    let shop = shop().await;
    shop.watch().await;
    let Shop { kit, chain, seller } = shop;
    let (folder, wallets) = (kit.again(), [wallet(Curve::P256), wallet(Curve::P384)]);
    let closed = folder.await;
    drop(kit);
    for wallet in &wallets {
        chain.pay(ITEM, &on_chain(wallet), PRICE);
        // More blocks than are read together.
        chain.mine(2_500);
    }
    let shop = Shop { kit: closed.again().await, chain, seller };
    drop(closed);
    shop.watch().await;
    assert_eq!(shop.licences().await.len(), 2);
    let info = shop.kit.get("/api/v1/chain", "").await.json();
    assert_eq!((&info["caught_up"], &info["error"]), (&json!(true), &Value::Null));
    assert_eq!(info["block"].as_u64().unwrap(), shop.chain.head().number - FINALITY);
}

#[tokio::test]
async fn several_purchases_in_one_transaction_are_several_licences() {
    let shop = shop().await;
    shop.publish("2.0.0").await;
    let [ann, ben] = [wallet(Curve::P256), wallet(Curve::Secp256k1)];
    let second = Paid { item: item_id("org.example.viewer@2.0.0"), ..price(&ann) };
    let foreign = Paid { item: item_id("somebody.else@1.0.0"), ..price(&ann) };
    let tx = shop.chain.send(Action::Pay(vec![price(&ann), foreign, second, price(&ben)]));
    shop.chain.mine(FINALITY);
    shop.watch().await;
    assert_eq!((shop.payments().await.len(), shop.licences().await.len()), (3, 3));
    for wallet in [&ann, &ben] {
        assert!(opens(&shop.collect("", wallet, tx).await.json(), wallet));
    }
    // Read again from the beginning, it is the same.
    shop.watch().await;
    assert_eq!(shop.licences().await.len(), 3);
}

#[tokio::test]
async fn tokens_pay_as_the_coin_does() {
    let shop = shop_with(json!({"price": {"amount": "2500000", "currency": "USDC"}})).await;
    let wallet = wallet(Curve::P256);
    let paid = Paid { amount: 2_500_000, token: Some(USDC), ..price(&wallet) };
    let tx = shop.chain.send(Action::Pay(vec![paid]));
    shop.chain.mine(FINALITY);
    shop.watch().await;
    assert!(opens(&shop.collect("", &wallet, tx).await.json(), &wallet));
    let purchase = &shop.purchases().await[0];
    assert_eq!(purchase.price_currency.as_deref(), Some("USDC"));
}

#[tokio::test]
async fn what_was_paid_is_obtainable_though_the_listing_was_hidden_or_its_version_taken_back() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    let release = shop.kit.get(&format!("/api/v1/listings/{PLUGIN}"), "").await.json();
    let release = release["releases"][0]["id"].as_str().unwrap().to_owned();
    let tx = shop.paid(&wallet);
    shop.change_listing(json!({"state": "unlisted"})).await;
    let yanked = shop.kit.post(&format!("/api/v1/releases/{release}/yank"), &shop.seller, json!({})).await;
    assert!(yanked.status.is_success(), "{}", yanked.text());
    shop.watch().await;
    let given = shop.collect("", &wallet, tx).await;
    assert!(opens(&given.json(), &wallet), "{}", given.text());
}

#[tokio::test]
async fn the_price_of_before_counts_for_an_hour_and_no_longer() {
    let shop = shop().await;
    shop.kit.pass_s(10_000);
    shop.change_listing(json!({"price": {"amount": "3000", "currency": "ETH"}})).await;
    let changed = START_S as u64 + 10_000;
    for (at, state) in [(changed + 3_500, "settled"), (changed + 3_601, "refused")] {
        let wallet = wallet(Curve::P256);
        let tx = shop.chain.pay(ITEM, &on_chain(&wallet), PRICE);
        shop.chain.mine_at(at, FINALITY);
        shop.watch().await;
        let rows = shop.payments().await;
        let row = rows.iter().find(|row| row.tx_hash == tx.to_string()).unwrap();
        assert_eq!(row.state, state);
    }
}

#[tokio::test]
async fn gcode_is_bought_for_a_key_and_printed_by_its_holder() {
    let shop = shop().await;
    let price = json!({"amount": PRICE.to_string(), "currency": "ETH"});
    let listing = shop.kit.listing(&shop.seller, json!({"prints": 4, "price": price, "valid_days": 2})).await;
    let release = json!({"listing": listing, "version": "1.0.0"});
    assert_eq!(shop.kit.publish(&shop.seller, release, GCODE).await.status, StatusCode::CREATED);
    let path = format!("/api/v1/listings/{listing}/payout");
    let body = Some(json!({"address": SELLER.to_string()}));
    shop.kit.call(http::Method::PUT, &path, &shop.seller, body).await;
    let wallet = wallet(Curve::Secp256k1);
    let ann = shop.holder("ann", &wallet).await;
    let tx = shop.chain.pay(&format!("{listing}@1.0.0"), &on_chain(&wallet), PRICE);
    shop.chain.mine(0);
    // Neither the key nor the version is said: the transaction says both.
    let body = json!({"listing": listing, "payment": {"method": "chain", "tx_hash": tx}});
    let begun = shop.kit.post("/api/v1/purchases", &ann, body).await;
    assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.text());
    shop.chain.mine(FINALITY);
    shop.watch().await;
    let bought = shop.purchase(&ann, begun.json()["purchase"]["id"].as_str().unwrap()).await;
    assert_eq!(bought["licence"]["prints_allowed"], 4, "{bought}");
    assert!(bought["licence"]["expires_at"].is_string());
    let printer = shop.kit.printer(&ann, true).await;
    shop.kit.ready_job(&ann, bought["licence"]["id"].as_str().unwrap(), &printer).await;
}

pub(super) fn price(wallet: &sealpost_envelope::ecdh::SecretKey) -> Paid {
    Paid { item: item_id(ITEM), key: on_chain(wallet), amount: PRICE, publisher: SELLER, token: None }
}
