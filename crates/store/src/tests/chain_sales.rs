//! What was paid, for those who were paid; what can be withdrawn and given back; and what everybody may know.

use http::{StatusCode, header};
use sealpost_envelope::ecdh::Curve;
use sealpost_market::chain::{ChainHash, item_id};
use serde_json::{Value, json};

use super::chain_kit::{Action, Chain, FINALITY, PAYER, Paid, SELLER, TREASURY, USDC, words};
use super::chain_shop::{ITEM, PLUGIN, PRICE, Shop, on_chain, shop, shop_with, wallet};
use super::kit::{Answer, GCODE, Kit, START_S};
use crate::chain::{ChainBalance, ChainFault};

const OTHER_ITEM: &str = "org.example.other@1.0.0";

async fn transaction(shop: &Shop, token: &str, tx: ChainHash) -> Answer {
    shop.kit.get(&format!("/api/v1/payments/{tx}"), token).await
}

async fn payments(shop: &Shop, token: &str, query: &str) -> Vec<Value> {
    let answer = shop.kit.get(&format!("/api/v1/payments{query}"), token).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["payments"].as_array().unwrap().clone()
}

fn holds(
    token: Option<sealpost_market::chain::Address>,
    available: u128,
    unsettled_fees: u128,
) -> ChainBalance {
    ChainBalance { token, available, unsettled_fees }
}

/// Somebody else's listing on the same chain.
async fn other_shop(shop: &Shop) -> String {
    let other = shop.kit.person("other").await;
    let plugin = json!({"plugin_id": "org.example.other"});
    let price = json!({"amount": PRICE.to_string(), "currency": "ETH"});
    let listing = shop.kit.listing(&other, json!({"kind": "plugin", "plugin": plugin, "price": price})).await;
    let release = json!({"listing": listing, "version": "1.0.0"});
    assert!(shop.kit.publish(&other, release, super::plugin_kit::WASM).await.status.is_success());
    let path = format!("/api/v1/listings/{listing}/payout");
    let body = Some(json!({"address": SELLER}));
    assert!(shop.kit.call(http::Method::PUT, &path, &other, body).await.status.is_success());
    other
}

#[tokio::test]
async fn everybody_sees_which_chain_this_is_and_how_far_it_was_read() {
    let shop = shop().await;
    let fresh = Kit::on_chain(&Chain::new(START_S as u64)).await;
    assert_eq!(fresh.get("/api/v1/chain", "").await.json()["contract"], format!("0x{}", "c0".repeat(20)));
    shop.chain.mine(FINALITY + 5);
    shop.watch().await;
    let info = shop.kit.get("/api/v1/chain", "").await.json();
    let head = shop.chain.head().number;
    assert_eq!(
        info,
        json!({
            "chain_id": 31337, "contract": format!("0x{}", "c0".repeat(20)),
            "coin": {"symbol": "ETH", "decimals": 18},
            "tokens": [{"symbol": "USDC", "address": USDC, "decimals": 6}],
            "name": "a local test node", "from_block": 0, "finality": "3", "fee_bps": 1500, "treasury": TREASURY,
            "caught_up": true,
            "block": head - FINALITY, "latest": head, "explorer": "https://explorer.example",
        })
    );
}

#[tokio::test]
async fn whoever_knows_an_address_sees_what_it_can_withdraw_and_how() {
    let shop = shop().await;
    shop.chain.hold(SELLER, vec![holds(None, 850, 0), holds(Some(USDC), 21_250_000, 0)]);
    let answer = shop.kit.get(&format!("/api/v1/chain/balances/{}", SELLER.checksummed()), "").await.json();
    let balances = answer["balances"].as_array().unwrap();
    let short: Vec<_> = balances
        .iter()
        .map(|held| {
            (
                held["currency"].clone(),
                held["decimals"].clone(),
                held["available"].clone(),
                held.get("token").cloned(),
            )
        })
        .collect();
    assert_eq!(
        short,
        [
            (json!("ETH"), json!(18), json!("850"), None),
            (json!("USDC"), json!(6), json!("21250000"), Some(json!(USDC))),
        ]
    );
    for (held, token) in balances.iter().zip([None, Some(USDC)]) {
        assert_eq!(held["unsettled_fees"], "0");
        assert_eq!(
            (&held["withdraw"]["value"], &held["withdraw"]["chain_id"]),
            (&json!("0x0"), &json!(31337))
        );
        assert!(words(&held["withdraw"]).contains(&format!("Withdraw {{ token: {token:?}, to: None }}")));
    }
    shop.chain.hold(TREASURY, vec![holds(None, 150, 150)]);
    let fees = shop.kit.get(&format!("/api/v1/chain/balances/{TREASURY}"), "").await.json();
    assert_eq!(fees["balances"][0]["unsettled_fees"], "150");
    let refused = shop.kit.get("/api/v1/chain/balances/vitalik.eth", "").await;
    assert_eq!(refused.problem(), (422, "invalid".to_owned()));
}

#[tokio::test]
async fn strangers_ask_for_so_many_balances_and_no_more() {
    let shop = shop().await;
    let ask = async |n: usize| shop.kit.get(&format!("/api/v1/chain/balances/0x{n:040x}"), "").await;
    for n in 0..120 {
        assert_eq!(ask(n).await.status, StatusCode::OK);
    }
    let refused = ask(120).await;
    assert_eq!(refused.problem(), (429, "too_many_attempts".to_owned()));
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    // What is known costs nothing.
    assert_eq!(ask(0).await.status, StatusCode::OK);
    assert_eq!(shop.chain.asked("balances"), 120);
    shop.kit.pass_s(1);
    assert_eq!(ask(121).await.status, StatusCode::OK);
}

#[tokio::test]
async fn sellers_see_their_payments_operators_all_and_nobody_those_of_others() {
    let shop = shop().await;
    let other = other_shop(&shop).await;
    let (first, second) = (wallet(Curve::Secp256k1), wallet(Curve::Ed25519));
    let mine = shop.paid(&first);
    let theirs = shop.chain.pay(OTHER_ITEM, &on_chain(&second), PRICE);
    shop.chain.mine(FINALITY);
    shop.watch().await;
    let txs = |rows: Vec<Value>| -> Vec<Value> { rows.iter().map(|row| row["tx_hash"].clone()).collect() };
    assert_eq!(txs(payments(&shop, &shop.seller, "").await), [json!(mine)]);
    assert_eq!(txs(payments(&shop, &other, "").await), [json!(theirs)]);
    assert_eq!(txs(payments(&shop, &shop.kit.person("eve").await, "").await), Vec::<Value>::new());
    let operator = shop.kit.operator().await;
    assert_eq!(payments(&shop, &operator, "").await.len(), 2);
    assert_eq!(txs(payments(&shop, &operator, "?listing=org.example.other").await), [json!(theirs)]);
    let foreign = shop.kit.get(&format!("/api/v1/payments?listing={PLUGIN}"), &other).await;
    assert_eq!(foreign.problem(), (403, "not_your_listing".to_owned()));
    assert_eq!(shop.kit.get("/api/v1/payments", "").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_payment_says_all_that_a_seller_asks() {
    let shop = shop().await;
    let key = wallet(Curve::P256);
    shop.chain.hold(SELLER, vec![holds(None, 850, 0)]);
    shop.chain.hold(TREASURY, vec![holds(None, 150, 150)]);
    let tx = shop.paid(&key);
    shop.watch().await;
    let row = payments(&shop, &shop.seller, "").await.remove(0);
    let listing = shop.kit.get(&format!("/api/v1/listings/{PLUGIN}"), "").await.string("id");
    for (field, value) in [
        ("tx_hash", json!(tx)),
        ("state", json!("settled")),
        ("confirmations", json!(FINALITY)),
        ("needed", json!(FINALITY)),
        ("chain_id", json!(31337)),
        ("amount", json!("1000")),
        ("currency", json!("ETH")),
        ("decimals", json!(18)),
        ("fee", json!("150")),
        ("payer", json!(PAYER)),
        ("publisher", json!(SELLER)),
        ("listing", json!(listing)),
        ("version", json!("1.0.0")),
        ("item", json!(item_id(ITEM))),
        ("buyer_key", json!(on_chain(&key))),
        ("index", json!(0)),
        ("paid_at", json!("2027-01-15T08:00:12Z")),
        ("explorer_url", json!(format!("https://explorer.example/tx/{tx}"))),
        ("purchase", json!(shop.purchases().await[0].id)),
    ] {
        assert_eq!(row[field], value, "{field}");
    }
    let refund = words(&row["refund"]);
    assert!(
        refund.starts_with("Refund") && refund.contains("amount: 1000, fee: 150, paid_at: 1800000012"),
        "{refund}"
    );
    assert_eq!(row["refund"]["value"], "0x0");
    assert_eq!((row.get("reason"), row.get("token"), row.get("refund_approve")), (None, None, None));
}

#[tokio::test]
async fn what_the_contract_does_not_hold_any_more_goes_along_with_the_refund() {
    for (seller, treasury, value) in
        [(850, 150, 0), (0, 150, 850), (800, 100, 100), (850, 0, 150), (0, 0, 1_000)]
    {
        let shop = shop().await;
        shop.chain.hold(SELLER, vec![holds(None, seller, 0)]);
        shop.chain.hold(TREASURY, vec![holds(None, treasury + 5, treasury)]);
        shop.paid(&wallet(Curve::X25519));
        shop.watch().await;
        let row = payments(&shop, &shop.seller, "").await.remove(0);
        assert_eq!(row["refund"]["value"], format!("{value:#x}"), "{seller} {treasury}");
    }
    // A treasury that sells things itself has no right to use fees as what it earned.
    let shop = shop().await;
    shop.pay_out_to(json!(TREASURY)).await;
    shop.chain.hold(TREASURY, vec![holds(None, 150, 150)]);
    let key = on_chain(&wallet(Curve::X25519));
    let pay = Paid { item: item_id(ITEM), key, amount: PRICE, publisher: TREASURY, token: None };
    shop.chain.send(Action::Pay(vec![pay]));
    shop.chain.mine(FINALITY);
    shop.watch().await;
    let row = payments(&shop, &shop.seller, "").await.remove(0);
    assert_eq!(row["refund"]["value"], format!("{:#x}", 850));
    // While nobody can say, all of it: the contract sends back what is too much.
    let shop = super::chain_shop::shop().await;
    shop.paid(&wallet(Curve::X25519));
    shop.watch().await;
    shop.chain.fail(Some(ChainFault::Unreachable("nobody answers".to_owned())));
    let row = payments(&shop, &shop.seller, "").await.remove(0);
    assert_eq!(row["refund"]["value"], "0x3e8");
}

#[tokio::test]
async fn a_token_that_was_withdrawn_is_let_go_of_before_the_refund() {
    let shop = shop_with(json!({"price": {"amount": "1000", "currency": "USDC"}})).await;
    let pay = Paid {
        item: item_id(ITEM),
        key: on_chain(&wallet(Curve::P384)),
        amount: 1_000,
        publisher: SELLER,
        token: Some(USDC),
    };
    shop.chain.send(Action::Pay(vec![pay]));
    shop.chain.mine(FINALITY);
    shop.watch().await;
    shop.chain.hold(TREASURY, vec![holds(Some(USDC), 150, 150)]);
    shop.chain.hold(SELLER, vec![holds(None, 5_000, 0), holds(Some(USDC), 50, 0)]);
    let row = payments(&shop, &shop.seller, "").await.remove(0);
    assert_eq!((&row["currency"], &row["token"]), (&json!("USDC"), &json!(USDC)));
    assert_eq!((&row["refund"]["value"], &row["refund_approve"]["to"]), (&json!("0x0"), &json!(USDC)));
    assert!(words(&row["refund_approve"]).contains("amount: 800"));
    shop.chain.hold(SELLER, vec![holds(Some(USDC), 850, 0)]);
    shop.kit.pass_s(10);
    assert_eq!(payments(&shop, &shop.seller, "").await[0].get("refund_approve"), None);
}

#[tokio::test]
async fn what_does_not_count_is_shown_with_its_reason_and_can_be_given_back() {
    let shop = shop().await;
    let tx = shop.chain.pay(ITEM, &on_chain(&wallet(Curve::P256)), PRICE - 1);
    shop.chain.mine(FINALITY);
    shop.watch().await;
    let row = payments(&shop, &shop.seller, "").await.remove(0);
    assert_eq!((&row["tx_hash"], &row["state"], row.get("purchase")), (&json!(tx), &json!("refused"), None));
    assert_eq!(row["reason"]["code"], "payment_wrong_amount");
    for text in ["title", "detail", "hint"] {
        assert!(row["reason"][text].as_str().unwrap().len() > 10, "{text}");
    }
    assert!(words(&row["refund"]).contains("amount: 999"));
}

#[tokio::test]
async fn what_was_given_back_is_not_offered_to_be_given_back_again() {
    let shop = shop().await;
    let key = wallet(Curve::P256);
    shop.paid(&key);
    shop.watch().await;
    let refund = shop.chain.send(Action::Refund { item: item_id(ITEM), key: on_chain(&key) });
    shop.chain.mine(FINALITY);
    shop.watch().await;
    let row = payments(&shop, &shop.seller, "").await.remove(0);
    assert_eq!(
        (&row["state"], &row["refund_tx"], row.get("refund")),
        (&json!("refunded"), &json!(refund), None)
    );
}

#[tokio::test]
async fn payments_come_in_pages_newest_first() {
    let shop = shop().await;
    let mut sent = Vec::new();
    for _ in 0..5 {
        sent.insert(0, json!(shop.paid(&wallet(Curve::X25519))));
        shop.watch().await;
        shop.kit.pass_s(1);
    }
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = shop.kit.get(&format!("/api/v1/payments?limit=2{after}"), &shop.seller).await.json();
        seen.extend(page["payments"].as_array().unwrap().iter().map(|row| row["tx_hash"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, sent);
}

#[tokio::test]
async fn everybody_can_follow_a_transaction_from_the_moment_it_is_sent() {
    let shop = shop().await;
    let key = wallet(Curve::Secp256k1);
    let state = async |tx| {
        shop.kit.pass_s(10);
        transaction(&shop, "", tx).await.json()["payments"][0].clone()
    };
    let unknown = transaction(&shop, "", item_id("never sent")).await;
    assert_eq!(unknown.problem(), (404, "payment_unknown".to_owned()));
    let tx = shop.chain.pay(ITEM, &on_chain(&key), PRICE);
    assert_eq!(state(tx).await["state"], "waiting");
    shop.chain.mine(0);
    let seen = state(tx).await;
    assert_eq!(
        (&seen["state"], &seen["amount"], &seen["version"]),
        (&json!("confirming"), &json!("1000"), &json!("1.0.0"))
    );
    assert_eq!((&seen["needed"], &seen["block"]), (&json!(FINALITY), &json!(shop.chain.head().number)));
    shop.chain.mine(FINALITY);
    shop.watch().await;
    let settled = state(tx).await;
    assert_eq!(
        (&settled["state"], settled.get("purchase"), settled.get("refund")),
        (&json!("settled"), None, None)
    );
    let refused = shop.kit.get("/api/v1/payments/0x12", "").await;
    assert_eq!(refused.problem(), (422, "invalid".to_owned()));
}

#[tokio::test]
async fn a_transaction_that_buys_nothing_says_so() {
    let shop = shop().await;
    for (action, code) in [(Action::Revert, "payment_reverted"), (Action::Other, "payment_wrong_contract")] {
        let tx = shop.chain.send(action);
        shop.chain.mine(0);
        let row = transaction(&shop, "", tx).await.json()["payments"][0].clone();
        assert_eq!((&row["state"], &row["reason"]["code"]), (&json!("refused"), &json!(code)));
    }
}

#[tokio::test]
async fn who_bought_and_who_sold_are_told_more_of_a_transaction_than_others() {
    let shop = shop().await;
    let key = wallet(Curve::Secp256k1);
    let buyer = shop.holder("ann", &key).await;
    let (eve, operator) = (shop.kit.person("eve").await, shop.kit.operator().await);
    let tx = shop.paid(&key);
    shop.watch().await;
    for (token, purchase, refund) in [
        ("", false, false),
        (eve.as_str(), false, false),
        (buyer.as_str(), true, false),
        (shop.seller.as_str(), true, true),
        (operator.as_str(), true, true),
    ] {
        let row = transaction(&shop, token, tx).await.json()["payments"][0].clone();
        assert_eq!((row.get("purchase").is_some(), row.get("refund").is_some()), (purchase, refund), "{row}");
    }
}

#[tokio::test]
async fn a_transaction_that_pays_twice_is_two_payments() {
    let shop = shop().await;
    let pay = |curve| Paid {
        item: item_id(ITEM),
        key: on_chain(&wallet(curve)),
        amount: PRICE,
        publisher: SELLER,
        token: None,
    };
    let tx = shop.chain.send(Action::Pay(vec![pay(Curve::P256), pay(Curve::X25519)]));
    shop.chain.mine(FINALITY);
    let live = transaction(&shop, "", tx).await.json();
    shop.watch().await;
    let kept = transaction(&shop, "", tx).await.json();
    for (list, state) in [(live, "confirming"), (kept, "settled")] {
        let rows = list["payments"].as_array().unwrap();
        let short: Vec<_> = rows.iter().map(|row| (row["index"].clone(), row["state"].clone())).collect();
        assert_eq!(short, [(json!(0), json!(state)), (json!(1), json!(state))]);
    }
}

#[tokio::test]
async fn a_store_without_its_chain_still_shows_what_was_paid() {
    let shop = shop().await;
    let tx = shop.paid(&wallet(Curve::Secp256k1));
    shop.watch().await;
    let without = shop.kit.again_on(None).await;
    let row = without.get("/api/v1/payments", &shop.seller).await.json()["payments"][0].clone();
    assert_eq!(
        (&row["tx_hash"], &row["state"], &row["amount"]),
        (&json!(tx), &json!("settled"), &json!("1000"))
    );
    assert_eq!((&row["chain_id"], row.get("refund")), (&json!(31337), None));
}

#[tokio::test]
async fn every_release_has_the_name_that_a_chain_knows_it_by() {
    use sea_orm::EntityTrait;
    let shop = shop().await;
    let part = shop.kit.listing(&shop.seller, json!({})).await;
    let release = json!({"listing": part, "version": "1.4"});
    assert!(shop.kit.publish(&shop.seller, release, GCODE).await.status.is_success());
    let rows = crate::schema::release::Entity::find().all(shop.kit.store.state.db.read()).await.unwrap();
    let mut items: Vec<_> = rows.into_iter().map(|row| row.item.unwrap()).collect();
    let mut expected = [item_id(ITEM).to_string(), item_id(&format!("{part}@1.4.0")).to_string()];
    items.sort();
    expected.sort();
    assert_eq!(items, expected);
}
