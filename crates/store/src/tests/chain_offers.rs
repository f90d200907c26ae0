//! What is asked on chain: payout addresses, the history of offers, and how a version is bought.

use std::sync::Arc;

use http::{Method, StatusCode, header};
use sea_orm::{EntityTrait, QueryOrder};
use sealpost_envelope::ecdh::Curve;
use sealpost_market::chain::{Address, item_id};
use serde_json::{Value, json};

use super::chain_kit::{Chain, PAYER, SELLER, USDC, words};
use super::chain_shop::{ITEM, PLUGIN, PRICE, Shop, on_chain, recipient, shop, shop_with, wallet};
use super::kit::{Answer, Kit, START_S};
use super::plugin_kit::signing_key;
use crate::chain::{ChainFault, watch};
use crate::fault::Fault;
use crate::schema::{chain_checkpoint, chain_cursor, chain_offer};

/// The history of offers: payout, token, amount, since and until in seconds from the start.
async fn history(kit: &Kit) -> Vec<(Address, Option<Address>, u128, i64, Option<i64>)> {
    let rows = chain_offer::Entity::find().order_by_asc(chain_offer::Column::SinceMs);
    let rows = rows.all(kit.store.state.db.read()).await.unwrap();
    let offer = |row: &chain_offer::Model| {
        let offer = row.to_market().unwrap();
        let until = offer.until.map(|until| until.0 - START_S);
        (offer.payout, offer.token, offer.amount, offer.since.0 - START_S, until)
    };
    rows.iter().map(offer).collect()
}

async fn put_payout(kit: &Kit, token: &str, listing: &str, address: Value) -> Answer {
    let path = format!("/api/v1/listings/{listing}/payout");
    kit.call(Method::PUT, &path, token, Some(json!({"address": address}))).await
}

async fn offer(shop: &Shop, query: &str) -> Answer {
    shop.kit.get(&format!("/api/v1/listings/{PLUGIN}/offer{query}"), "").await
}

async fn priced(kit: &Kit, seller: &str, price: Value) -> String {
    kit.listing(seller, json!({"price": price})).await
}

#[tokio::test]
async fn the_publisher_and_the_operator_say_who_is_paid_and_nobody_else() {
    let shop = shop().await;
    let (kit, eve) = (&shop.kit, shop.kit.person("eve").await);
    let operator = kit.operator().await;
    assert_eq!(put_payout(kit, &eve, PLUGIN, json!(PAYER)).await.problem(), (403, "not_your_listing".into()));
    assert_eq!(put_payout(kit, "", PLUGIN, json!(PAYER)).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(put_payout(kit, &shop.seller, "nothing", json!(PAYER)).await.problem().0, 404);
    let changed = put_payout(kit, &operator, PLUGIN, json!(PAYER)).await;
    assert_eq!(changed.string("payout"), PAYER.to_string());
    let changed = put_payout(kit, &shop.seller, PLUGIN, json!(SELLER.checksummed())).await;
    assert_eq!(changed.string("payout"), SELLER.to_string());
    let shown = kit.get(&format!("/api/v1/listings/{PLUGIN}"), "").await.json();
    assert_eq!((&shown["payout"], &shown["on_chain"]), (&json!(SELLER), &json!(true)));
    let page = kit.get("/api/v1/listings", "").await.json();
    assert_eq!(page["listings"][0]["on_chain"], true);
}

#[tokio::test]
async fn who_is_paid_is_in_the_audit_log() {
    let shop = shop().await;
    shop.kit.pass_s(1);
    shop.pay_out_to(json!(PAYER)).await;
    shop.pay_out_to(json!(PAYER)).await;
    shop.pay_out_to(Value::Null).await;
    let listing = shop.kit.get(&format!("/api/v1/listings/{PLUGIN}"), "").await.string("id");
    let db = &shop.kit.store.state.db;
    let entries = sealpost_accounts::audit::about(db, &format!("listing:{listing}"), 0, 20).await.unwrap();
    let changes: Vec<_> = entries
        .iter()
        .filter(|entry| entry.action == "listing.payout_changed")
        .map(|entry| (entry.details["old"].clone(), entry.details["new"].clone()))
        .collect();
    let (seller, payer) = (json!(SELLER), json!(PAYER));
    assert_eq!(changes, [(Value::Null, seller.clone()), (seller, payer.clone()), (payer, Value::Null)]);
}

#[tokio::test]
async fn nothing_is_paid_to_an_address_that_cannot_withdraw() {
    let shop = shop().await;
    let contract = shop.kit.get("/api/v1/chain", "").await.string("contract");
    for address in [
        "",
        "0x",
        "0x00",
        "seller.eth",
        &SELLER.to_string()[2..],
        &Address::new([0; 20]).to_string(),
        &contract,
        &USDC.to_string(),
    ] {
        let refused = put_payout(&shop.kit, &shop.seller, PLUGIN, json!(address)).await;
        assert_eq!(refused.problem(), (422, "invalid".to_owned()), "{address}");
        assert!(refused.text().contains("`address`"), "{address}: {}", refused.text());
    }
    // Letters of both cases are a checksum.
    let mixed = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
    assert!(put_payout(&shop.kit, &shop.seller, PLUGIN, json!(mixed)).await.status.is_success());
    let wrong = mixed.replace('F', "f");
    assert_eq!(put_payout(&shop.kit, &shop.seller, PLUGIN, json!(wrong)).await.problem().0, 422);
}

#[tokio::test]
async fn a_price_that_the_contract_cannot_take_gets_no_payout_address() {
    let shop = shop().await;
    let (kit, seller) = (&shop.kit, &shop.seller);
    let most = (1_u128 << 96) - 1;
    for (price, sold) in [
        (Value::Null, false),
        (json!({"amount": "0", "currency": "ETH"}), false),
        (json!({"amount": "1999", "currency": "EUR"}), false),
        (json!({"amount": "5", "currency": "DAI"}), false),
        (json!({"amount": (most + 1).to_string(), "currency": "ETH"}), false),
        (json!({"amount": (most + 1).to_string(), "currency": "USDC"}), false),
        (json!({"amount": most.to_string(), "currency": "ETH"}), true),
        (json!({"amount": "1", "currency": "usdc"}), true),
    ] {
        let listing = priced(kit, seller, price.clone()).await;
        let answer = put_payout(kit, seller, &listing, json!(SELLER)).await;
        if sold {
            assert!(answer.status.is_success(), "{price}: {}", answer.text());
            continue;
        }
        assert_eq!(answer.problem(), (422, "price_not_on_chain".to_owned()), "{price}");
        assert!(answer.json()["hint"].as_str().unwrap().len() > 10);
        let shown = kit.get(&format!("/api/v1/listings/{listing}"), "").await.json();
        assert_eq!(shown.get("payout"), None);
    }
}

#[tokio::test]
async fn without_a_chain_nothing_is_sold_there_and_the_rest_goes_on() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let listing = priced(&kit, &seller, json!({"amount": "5", "currency": "ETH"})).await;
    let none = (404, "chain_not_configured".to_owned());
    assert_eq!(put_payout(&kit, &seller, &listing, json!(SELLER)).await.problem(), none);
    assert!(put_payout(&kit, &seller, &listing, Value::Null).await.status.is_success());
    for path in [
        "/api/v1/chain".to_owned(),
        format!("/api/v1/listings/{listing}/offer"),
        format!("/api/v1/chain/balances/{SELLER}"),
        format!("/api/v1/payments/{}", item_id("tx")),
    ] {
        assert_eq!(kit.get(&path, "").await.problem(), none, "{path}");
    }
    assert_eq!(kit.get("/api/v1/payments", &seller).await.json(), json!({"payments": []}));
}

#[tokio::test]
async fn the_history_says_what_was_asked_at_every_moment() {
    let shop = shop().await;
    let usdc = json!({"amount": "7", "currency": "USDC"});
    for change in [
        // Nothing of this changes what is asked.
        json!({"title": "Another"}),
        json!({"state": "unlisted"}),
        json!({"price": {"amount": PRICE.to_string(), "currency": "ETH"}}),
        json!({"price": {"amount": "2000", "currency": "ETH"}}),
        json!({"price": usdc}),
        // Nobody can pay this on chain.
        json!({"price": {"amount": "1999", "currency": "EUR"}}),
        json!({"price": {"amount": "0", "currency": "ETH"}}),
        json!({"price": usdc}),
    ] {
        shop.kit.pass_s(10);
        shop.change_listing(change).await;
    }
    shop.kit.pass_s(10);
    shop.pay_out_to(json!(PAYER)).await;
    shop.kit.pass_s(10);
    shop.pay_out_to(json!(PAYER)).await;
    shop.kit.pass_s(10);
    shop.pay_out_to(Value::Null).await;
    let expected = [
        (SELLER, None, PRICE, 0, Some(40)),
        (SELLER, None, 2_000, 40, Some(50)),
        (SELLER, Some(USDC), 7, 50, Some(60)),
        (SELLER, Some(USDC), 7, 80, Some(90)),
        (PAYER, Some(USDC), 7, 90, Some(110)),
    ];
    assert_eq!(history(&shop.kit).await, expected);
}

#[tokio::test]
async fn what_is_suspended_is_not_offered_until_that_is_lifted() {
    let shop = shop().await;
    let operator = shop.kit.operator().await;
    let path = format!("/api/v1/listings/{PLUGIN}");
    for state in ["suspended", "listed"] {
        shop.kit.pass_s(10);
        let change = Some(json!({"state": state}));
        assert!(shop.kit.call(Method::PATCH, &path, &operator, change).await.status.is_success());
        let expected = if state == "listed" { 200 } else { 410 };
        assert_eq!(offer(&shop, "").await.status.as_u16(), expected);
    }
    assert_eq!(
        history(&shop.kit).await,
        [(SELLER, None, PRICE, 0, Some(10)), (SELLER, None, PRICE, 20, None)]
    );
}

#[tokio::test]
async fn settings_end_no_offer_when_a_store_is_opened() {
    let shop = shop().await;
    let kit = &shop.kit;
    kit.pass_s(10);
    let without = kit.again_on(None).await;
    assert_eq!(history(kit).await, [(SELLER, None, PRICE, 0, None)]);
    let shown = without.get(&format!("/api/v1/listings/{PLUGIN}"), "").await;
    assert_eq!(shown.string("payout"), SELLER.to_string());
    kit.pass_s(10);
    kit.again().await;
    kit.pass_s(10);
    kit.again().await;
    assert_eq!(history(kit).await, [(SELLER, None, PRICE, 0, None)]);
}

#[tokio::test]
async fn what_is_listed_on_chain_as_the_store_says_is_sold_with_calls_for_the_buyers_key() {
    let shop = shop().await;
    shop.chain.list(ITEM, SELLER, None, PRICE);
    let listing = shop.kit.get(&format!("/api/v1/listings/{PLUGIN}"), "").await.string("id");
    let shown = offer(&shop, "").await.json();
    assert_eq!(
        shown,
        json!({
            "listing": listing, "chain_id": 31337, "contract": format!("0x{}", "c0".repeat(20)),
            "item": item_id(ITEM), "item_text": ITEM, "version": "1.0.0", "publisher": SELLER,
            "currency": "ETH", "decimals": 18, "amount": "1000", "listed": "yes", "fee_bps": 1500,
        })
    );
    for curve in [Curve::Secp256k1, Curve::P256, Curve::P384, Curve::X25519, Curve::Ed25519] {
        let key = wallet(curve);
        let named = recipient(&key);
        let query = format!(
            "?curve={}&public_key={}",
            named["curve"].as_str().unwrap(),
            named["public_key"].as_str().unwrap().to_uppercase()
        );
        let calls = offer(&shop, &query).await.json()["calls"].clone();
        assert_eq!(calls.get("approve"), None);
        let call = &calls["purchase"];
        assert_eq!(
            (&call["to"], &call["value"], &call["chain_id"]),
            (&shown["contract"], &json!("0x3e8"), &json!(31337))
        );
        let words = words(call);
        assert!(words.starts_with("Purchase") && words.contains(&format!("{:?}", on_chain(&key))), "{words}");
    }
}

#[tokio::test]
async fn a_price_in_a_token_comes_with_the_call_that_lets_the_contract_take_it() {
    let shop = shop_with(json!({"price": {"amount": "25000000", "currency": "USDC"}})).await;
    shop.chain.list(ITEM, SELLER, Some(USDC), 25_000_000);
    let key = wallet(Curve::Secp256k1);
    let shown = offer(&shop, &format!("?public_key={}", key.recipient().to_hex())).await.json();
    assert_eq!(
        (&shown["token"], &shown["currency"], &shown["decimals"]),
        (&json!(USDC), &json!("USDC"), &json!(6))
    );
    let approve = &shown["calls"]["approve"];
    assert_eq!((&approve["to"], &approve["value"]), (&json!(USDC), &json!("0x0")));
    assert!(words(approve).contains("amount: 25000000"));
    assert_eq!(shown["calls"]["purchase"]["value"], "0x0");
}

#[tokio::test]
async fn what_the_contract_sells_otherwise_is_told_and_nobody_is_made_to_pay() {
    let shop = shop().await;
    let query = format!("?public_key={}", wallet(Curve::Secp256k1).recipient().to_hex());
    let shown = offer(&shop, &query).await.json();
    assert_eq!(shown["listed"], "no");
    assert!(words(&shown["list"]).contains("price: 1000"), "{shown}");
    for (publisher, token, price, may_list) in
        [(SELLER, None, PRICE + 1, true), (SELLER, Some(USDC), PRICE, true), (PAYER, None, PRICE, false)]
    {
        shop.kit.pass_s(10);
        shop.chain.list(ITEM, publisher, token, price);
        let shown = offer(&shop, &query).await.json();
        assert_eq!((&shown["listed"], shown.get("calls")), (&json!("differs"), None));
        assert!(shown["hint"].as_str().unwrap().contains(&SELLER.checksummed()));
        assert_eq!(shown.get("list").is_some(), may_list);
    }
    shop.kit.pass_s(10);
    shop.chain.list(ITEM, SELLER, None, PRICE);
    shop.chain.unlist(ITEM);
    let shown = offer(&shop, &query).await.json();
    assert_eq!(
        (&shown["listed"], shown.get("calls"), shown.get("list").is_some()),
        (&json!("no"), None, true)
    );
}

#[tokio::test]
async fn the_newest_version_that_the_contract_sells_is_sold() {
    let shop = shop().await;
    for version in ["1.1.0", "1.2.0", "2.0.0-rc.1"] {
        shop.publish(version).await;
    }
    let version = async |query: &str| {
        shop.kit.pass_s(10);
        let shown = offer(&shop, query).await.json();
        (shown["version"].clone(), shown["listed"].clone(), shown.get("newest").cloned())
    };
    assert_eq!(version("").await, (json!("1.2.0"), json!("no"), None));
    shop.chain.list(ITEM, SELLER, None, PRICE);
    assert_eq!(version("").await, (json!("1.0.0"), json!("yes"), Some(json!("1.2.0"))));
    shop.chain.list("org.example.viewer@1.1.0", SELLER, None, PRICE);
    assert_eq!(version("").await, (json!("1.1.0"), json!("yes"), Some(json!("1.2.0"))));
    shop.chain.list("org.example.viewer@1.2.0", SELLER, None, PRICE + 1);
    assert_eq!(version("").await.0, json!("1.1.0"));
    assert_eq!(version("?version=1.0").await, (json!("1.0.0"), json!("yes"), None));
    assert_eq!(version("?version=1.2.0").await, (json!("1.2.0"), json!("differs"), None));
    assert_eq!(version("?version=2.0.0-rc.1").await.1, json!("no"));
}

#[tokio::test]
async fn versions_that_are_not_there_or_were_taken_back_are_not_sold() {
    let shop = shop().await;
    shop.chain.list(ITEM, SELLER, None, PRICE);
    assert_eq!(offer(&shop, "?version=9.9.9").await.problem(), (404, "no_release".to_owned()));
    assert_eq!(offer(&shop, "?version=nonsense!").await.problem(), (422, "invalid".to_owned()));
    let listing = shop.kit.get(&format!("/api/v1/listings/{PLUGIN}"), "").await.json();
    let path = format!("/api/v1/releases/{}", listing["releases"][0]["id"].as_str().unwrap());
    shop.kit.call(Method::PATCH, &path, &shop.seller, Some(json!({"state": "yanked"}))).await;
    assert_eq!(offer(&shop, "?version=1.0.0").await.problem(), (410, "release_yanked".to_owned()));
    assert_eq!(offer(&shop, "").await.problem(), (404, "no_release".to_owned()));
}

#[tokio::test]
async fn releases_signed_by_another_key_than_todays_are_not_sold() {
    let shop = shop().await;
    shop.chain.list(ITEM, SELLER, None, PRICE);
    assert!(offer(&shop, "").await.status.is_success());
    shop.change_listing(json!({"publisher_key": super::plugin_kit::public(&signing_key())})).await;
    assert_eq!(offer(&shop, "").await.problem(), (404, "no_release".to_owned()));
}

#[tokio::test]
async fn gcode_is_sold_under_its_listings_id() {
    let chain = Chain::new(START_S as u64);
    let kit = Kit::on_chain(&chain).await;
    let seller = kit.person("sel").await;
    let listing = priced(&kit, &seller, json!({"amount": "9", "currency": "ETH"})).await;
    let published =
        kit.publish(&seller, json!({"listing": listing, "version": "2"}), super::kit::GCODE).await;
    assert_eq!(published.status, StatusCode::CREATED, "{}", published.text());
    put_payout(&kit, &seller, &listing, json!(SELLER)).await;
    let text = format!("{listing}@2.0.0");
    chain.list(&text, SELLER, None, 9);
    let shown = kit.get(&format!("/api/v1/listings/{listing}/offer"), "").await.json();
    assert_eq!(
        (&shown["item_text"], &shown["item"], &shown["listed"]),
        (&json!(text), &json!(item_id(&text)), &json!("yes"))
    );
}

#[tokio::test]
async fn what_is_not_for_sale_on_chain_says_why() {
    let shop = shop().await;
    let not_sold = (404, "not_sold_on_chain".to_owned());
    assert_eq!(offer(&shop, "").await.status, StatusCode::OK);
    shop.change_listing(json!({"price": {"amount": "1999", "currency": "EUR"}})).await;
    let refused = offer(&shop, "").await;
    assert_eq!(refused.problem(), not_sold);
    assert!(refused.text().contains("price"));
    // The address is kept for a price that can be paid there.
    let shown = shop.kit.get(&format!("/api/v1/listings/{PLUGIN}"), "").await.json();
    assert_eq!((&shown["payout"], &shown["on_chain"]), (&json!(SELLER), &json!(false)));
    shop.pay_out_to(Value::Null).await;
    let refused = offer(&shop, "").await;
    assert_eq!(refused.problem(), not_sold);
    assert!(refused.text().contains("address"));
    let missing = shop.kit.get("/api/v1/listings/nothing/offer", "").await;
    assert_eq!(missing.problem(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn nobody_is_given_calls_for_a_key_that_opens_nothing() {
    let shop = shop().await;
    shop.chain.list(ITEM, SELLER, None, PRICE);
    let zero = "00".repeat(32);
    for (query, code) in [
        (format!("?curve=x25519&public_key={zero}"), "envelope_public_key"),
        (format!("?public_key={zero}"), "envelope_public_key"),
        (format!("?curve=brainpool&public_key={zero}"), "envelope_unknown_curve"),
        ("?public_key=zz".to_owned(), "envelope_public_key"),
        ("?curve=p256".to_owned(), "invalid"),
    ] {
        assert_eq!(offer(&shop, &query).await.problem(), (422, code.to_owned()), "{query}");
    }
}

#[tokio::test]
async fn however_many_ask_the_chain_is_asked_once_in_a_while() {
    let shop = Arc::new(shop().await);
    shop.chain.list(ITEM, SELLER, None, PRICE);
    let before = shop.chain.asked("listing");
    let asked = futures::future::join_all((0..200).map(|_| offer(&shop, ""))).await;
    assert!(asked.iter().all(|answer| answer.status == StatusCode::OK));
    assert_eq!(shop.chain.asked("listing") - before, 1);
    assert_eq!(shop.chain.asked("fee_bps"), 1);
    shop.kit.pass_s(10);
    offer(&shop, "").await;
    assert_eq!(shop.chain.asked("listing") - before, 2);
}

#[tokio::test]
async fn endpoints_of_another_chain_have_a_code_of_their_own_and_are_told_of_from_the_first_look() {
    let shop = shop().await;
    shop.chain.fail(Some(ChainFault::WrongChain { expected: 31_337, found: 1 }));
    let refused = offer(&shop, "").await;
    assert_eq!(refused.problem(), (503, "chain_wrong".to_owned()));
    assert!(refused.string("hint").contains("[chain]") && refused.headers.contains_key(header::RETRY_AFTER));

    // As at a store that never saw its chain.
    let state = &shop.kit.store.state;
    let forgot = state.db.write(|tx| {
        Box::pin(async move {
            chain_checkpoint::Entity::delete_many().exec(tx).await?;
            chain_cursor::Entity::delete_many().exec(tx).await.map_err(Fault::from)
        })
    });
    forgot.await.unwrap();
    let fault = watch::round(state, &*shop.chain).await.unwrap_err();
    watch::fail(state, &*shop.chain, fault.problem()).await;
    let info = shop.kit.get("/api/v1/chain", "").await.json();
    let error = info["error"].as_str().unwrap();
    assert!(error.contains("chain 1, not to 31337"), "{error}");
    assert_eq!(
        (info.get("block"), &info["caught_up"], &info["from_block"]),
        (None, &json!(false), &json!(0))
    );

    shop.chain.fail(None);
    shop.watch().await;
    let info = shop.kit.get("/api/v1/chain", "").await.json();
    assert_eq!((info.get("error"), &info["caught_up"]), (None, &json!(true)));
}

#[tokio::test]
async fn while_the_chain_is_down_only_what_needs_it_is_down_and_it_is_left_in_peace() {
    let shop = shop().await;
    shop.chain.list(ITEM, SELLER, None, PRICE);
    shop.chain.fail(Some(ChainFault::Unreachable("rpc.example does not answer".to_owned())));
    let before = shop.chain.asked("listing");
    for _ in 0..20 {
        let refused = offer(&shop, "").await;
        assert_eq!(refused.problem(), (503, "chain_unreachable".to_owned()));
        assert!(refused.headers.contains_key(header::RETRY_AFTER));
        assert!(refused.text().contains("rpc.example"));
    }
    assert_eq!(shop.chain.asked("listing") - before, 1);
    let info = shop.kit.get("/api/v1/chain", "").await;
    assert_eq!((info.status, info.json().get("fee_bps")), (StatusCode::OK, None));
    shop.change_listing(json!({"price": {"amount": "3000", "currency": "ETH"}})).await;
    shop.publish("1.1.0").await;
    assert!(shop.kit.get("/api/v1/listings", "").await.status.is_success());

    shop.kit.pass_s(2);
    shop.chain.fail(Some(ChainFault::Disagreement("two answers".to_owned())));
    assert_eq!(offer(&shop, "").await.problem(), (503, "chain_disagreement".to_owned()));
    shop.chain.fail(None);
    shop.kit.pass_s(2);
    assert_eq!(offer(&shop, "").await.status, StatusCode::OK);
}
