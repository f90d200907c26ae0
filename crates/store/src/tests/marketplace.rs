//! `POST /api/marketplace/purchase`.

use axum::body::Body;
use http::{Request, StatusCode, header};
use sealpost_envelope::ecdh::{self, Curve, Envelope, SecretKey};
use serde_json::{Value, json};

use super::kit::{Answer, Kit};
use crate::random;

const PLUGIN: &str = "org.example.viewer";
const WASM: &[u8] = b"\0asm\x01\0\0\0";

async fn shop(extra: Value) -> (Kit, String) {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let mut body = json!({"kind": "plugin", "plugin": {"plugin_id": PLUGIN}});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    kit.listing(&seller, body).await;
    publish(&kit, &seller, "1.0.0").await;
    (kit, seller)
}

async fn publish(kit: &Kit, seller: &str, version: &str) {
    let release = json!({"listing": PLUGIN, "version": version, "manifest": {"name": "Viewer"}});
    let answer = kit.publish(seller, release, WASM).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
}

fn key(curve: Curve) -> SecretKey {
    SecretKey::generate(curve, &mut random::rng())
}

async fn purchase(kit: &Kit, token: &str, key: &SecretKey, extra: Value) -> Answer {
    let mut body = json!({
        "pluginId": PLUGIN,
        "buyerPubkey": key.recipient().to_hex(),
        "curve": key.recipient().curve().as_str(),
    });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    kit.post("/api/marketplace/purchase", token, body).await
}

fn opens(answer: &Value, key: &SecretKey) -> bool {
    let envelope: Envelope = serde_json::from_value(answer["envelope"].clone()).unwrap();
    ecdh::unwrap(&envelope, key, PLUGIN).is_ok()
}

#[tokio::test]
async fn a_wallet_buys_without_an_account_and_is_given_the_same_again() {
    let (kit, seller) = shop(json!({})).await;
    let wallet = key(Curve::Secp256k1);
    let body = json!({"pluginId": PLUGIN, "buyerPubkey": wallet.recipient().to_hex()});
    let bought = kit.post("/api/marketplace/purchase", "", body).await;
    assert_eq!(bought.status, StatusCode::OK, "{}", bought.text());
    let bought = bought.json();
    assert!(opens(&bought, &wallet));
    for member in ["envelope", "cid", "licence", "wasmHash", "blobUrl", "version", "manifest"] {
        assert!(!bought[member].is_null(), "{member}");
    }
    assert_eq!(kit.get(bought["blobUrl"].as_str().unwrap(), "").await.status, StatusCode::OK);
    assert_eq!(purchase(&kit, "", &wallet, json!({})).await.json(), bought);

    kit.pass_s(1);
    publish(&kit, &seller, "1.1.0").await;
    let newer = purchase(&kit, "", &wallet, json!({})).await.json();
    assert_eq!((&newer["licence"], &newer["version"]), (&bought["licence"], &json!("1.1.0")));
    assert!(opens(&newer, &wallet));
    let other = purchase(&kit, "", &key(Curve::Ed25519), json!({})).await.json();
    assert_ne!(other["licence"], bought["licence"]);
}

#[tokio::test]
async fn whoever_is_signed_in_holds_the_licence() {
    let (kit, _) = shop(json!({})).await;
    let (ann, wallet) = (kit.person("ann").await, key(Curve::P256));
    let bought = purchase(&kit, &ann, &wallet, json!({"index": 4})).await.json();
    let licence = kit.licence(&ann, bought["licence"].as_str().unwrap()).await;
    assert_eq!(licence["devices"][0]["index"], 4);
    assert_eq!(purchase(&kit, &ann, &wallet, json!({})).await.json()["licence"], bought["licence"]);
    let wrong = purchase(&kit, "not.a.token", &wallet, json!({})).await;
    assert_eq!(wrong.problem().0, 401, "a bad token is no stranger");
}

#[tokio::test]
async fn one_wallet_that_buys_many_times_at_once_has_one_licence() {
    let (kit, _) = shop(json!({})).await;
    for token in [String::new(), kit.person("ann").await] {
        let wallet = key(Curve::X25519);
        let answers = (0..30).map(|_| purchase(&kit, &token, &wallet, json!({})));
        let answers = futures::future::join_all(answers).await;
        let first = answers[0].json();
        for answer in &answers {
            assert_eq!(answer.json(), first);
        }
    }
}

#[tokio::test]
async fn a_price_is_paid_by_voucher_and_by_no_transaction_yet() {
    let (kit, seller) = shop(json!({"price": {"amount": "900", "currency": "EUR"}})).await;
    let wallet = key(Curve::Secp256k1);
    assert_eq!(purchase(&kit, "", &wallet, json!({})).await.problem(), (402, "not_free".to_owned()));
    let paid = purchase(&kit, "", &wallet, json!({"txHash": "0xabc"})).await;
    assert_eq!(paid.problem(), (501, "chain_not_configured".to_owned()));
    let body = json!({"listing": PLUGIN, "uses": 1});
    let code = kit.post("/api/v1/vouchers", &seller, body).await.string("code");
    let bought = purchase(&kit, "", &wallet, json!({"voucher": code})).await;
    assert_eq!(bought.status, StatusCode::OK, "{}", bought.text());
    let again = purchase(&kit, "", &wallet, json!({"voucher": code})).await;
    assert_eq!(again.json(), bought.json(), "a voucher is not used up by asking again");
    assert_eq!(purchase(&kit, "", &wallet, json!({})).await.json(), bought.json());
    let other = purchase(&kit, "", &key(Curve::Secp256k1), json!({"voucher": code})).await;
    assert_eq!(other.problem(), (410, "voucher_used_up".to_owned()));
}

#[tokio::test]
async fn a_revoked_wallet_is_not_sold_to_again_for_nothing() {
    let (kit, seller) = shop(json!({})).await;
    let wallet = key(Curve::P384);
    let bought = purchase(&kit, "", &wallet, json!({})).await.json();
    let path = format!("/api/v1/licences/{}/revoke", bought["licence"].as_str().unwrap());
    assert_eq!(kit.post(&path, &seller, json!({})).await.status, StatusCode::OK);
    let refused = purchase(&kit, "", &wallet, json!({})).await;
    assert_eq!(refused.problem(), (403, "licence_inactive".to_owned()));
}

#[tokio::test]
async fn what_is_no_plugin_or_no_key_is_refused() {
    let (kit, seller) = shop(json!({})).await;
    let part = kit.listing(&seller, json!({})).await;
    let wallet = key(Curve::X25519);
    let gcode = purchase(&kit, "", &wallet, json!({"pluginId": part})).await;
    assert_eq!(gcode.problem(), (422, "no_devices".to_owned()));
    let nothing = purchase(&kit, "", &wallet, json!({"pluginId": "org.example.nothing"})).await;
    assert_eq!(nothing.problem(), (404, "not_found".to_owned()));
    let key = purchase(&kit, "", &wallet, json!({"curve": "secp256k1"})).await;
    assert_eq!(key.problem(), (422, "envelope_public_key".to_owned()));
}

#[tokio::test]
async fn new_licences_of_a_household_are_counted_and_those_it_has_are_not() {
    let (kit, _) = shop(json!({})).await;
    let wallets: Vec<_> = (0..11).map(|_| key(Curve::X25519)).collect();
    for wallet in &wallets[..10] {
        assert_eq!(purchase(&kit, "", wallet, json!({})).await.status, StatusCode::OK);
    }
    let refused = purchase(&kit, "", &wallets[10], json!({})).await;
    assert_eq!(refused.problem(), (429, "too_many_attempts".to_owned()));
    assert_eq!(purchase(&kit, "", &wallets[0], json!({})).await.status, StatusCode::OK);
    kit.pass_s(60);
    assert_eq!(purchase(&kit, "", &wallets[10], json!({})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn no_answers_are_kept_for_strangers() {
    use sea_orm::{EntityTrait, PaginatorTrait};
    let (kit, _) = shop(json!({})).await;
    let (ann, wallet) = (kit.person("ann").await, key(Curve::X25519));
    for (token, kept) in [("", 0), (ann.as_str(), 1)] {
        let body = json!({"pluginId": PLUGIN, "buyerPubkey": wallet.recipient().to_hex(), "curve": "x25519"});
        let mut request = Request::post("/api/marketplace/purchase")
            .header(header::CONTENT_TYPE, "application/json")
            .header(sealpost_api::IDEMPOTENCY_HEADER, "one");
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let answer = kit.send(request.body(Body::from(body.to_string())).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let rows = crate::schema::answer::Entity::find().count(kit.store.state.db.read()).await.unwrap();
        assert_eq!(rows, kept);
    }
}

#[tokio::test]
async fn a_voucher_of_many_uses_is_not_drained_by_new_keys() {
    let (kit, seller) = shop(json!({"price": {"amount": "900", "currency": "EUR"}})).await;
    let code =
        kit.post("/api/v1/vouchers", &seller, json!({"listing": PLUGIN, "uses": 100})).await.string("code");
    let wallet = key(Curve::P256);
    let refused = purchase(&kit, "", &wallet, json!({"voucher": code})).await;
    assert_eq!(refused.problem(), (403, "voucher_needs_account".to_owned()));
    let ann = kit.person("ann").await;
    assert_eq!(purchase(&kit, &ann, &wallet, json!({"voucher": code})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn whoever_sends_any_credentials_is_no_stranger() {
    let (kit, _) = shop(json!({})).await;
    let body = json!({"pluginId": PLUGIN, "buyerPubkey": key(Curve::Secp256k1).recipient().to_hex()});
    for credentials in ["Bearer ", "Basic YTpi", "nothing"] {
        let request = Request::post("/api/marketplace/purchase")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, credentials);
        let answer = kit.send(request.body(Body::from(body.to_string())).unwrap()).await;
        assert_eq!(answer.problem(), (401, "sign_in_required".to_owned()), "{credentials}");
    }
}

#[tokio::test]
async fn a_wallet_that_was_revoked_can_pay_anew() {
    let (kit, seller) = shop(json!({"price": {"amount": "900", "currency": "EUR"}})).await;
    let wallet = key(Curve::P384);
    let voucher = json!({"listing": PLUGIN});
    let code = kit.post("/api/v1/vouchers", &seller, voucher.clone()).await.string("code");
    let bought = purchase(&kit, "", &wallet, json!({"voucher": code})).await.json();
    let path = format!("/api/v1/licences/{}/revoke", bought["licence"].as_str().unwrap());
    assert_eq!(kit.post(&path, &seller, json!({})).await.status, StatusCode::OK);
    let refused = purchase(&kit, "", &wallet, json!({})).await;
    assert_eq!(refused.problem(), (403, "licence_inactive".to_owned()));
    let code = kit.post("/api/v1/vouchers", &seller, voucher).await.string("code");
    let anew = purchase(&kit, "", &wallet, json!({"voucher": code})).await;
    assert_eq!(anew.status, StatusCode::OK, "{}", anew.text());
    assert_ne!(anew.json()["licence"], bought["licence"]);
}

#[tokio::test]
async fn pages_of_the_catalogue_hold_no_more_of_manifests_than_they_show() {
    let (kit, seller) = shop(json!({})).await;
    kit.pass_s(1);
    let long = "x".repeat(10_000);
    let manifest = json!({"name": "Viewer", "type": "viewer", "description": long, "permissions": ["log"], "more": long});
    let release = json!({"listing": PLUGIN, "version": "2.0.0", "manifest": manifest});
    let id = kit.publish(&seller, release, WASM).await.string("id");
    let page = kit.get("/api/v1/listings", "").await;
    assert!(page.body.len() < 4_000, "{}", page.body.len());
    let releases = &page.json()["listings"][0]["releases"];
    assert_eq!(releases[0]["manifest"]["type"], "viewer");
    assert_eq!(releases[0]["manifest"]["description"].as_str().unwrap().len(), 300);
    assert!(releases[0]["manifest"]["more"].is_null() && releases[1]["manifest"].is_null());
    assert_eq!(releases[1]["version"], "1.0.0");
    let shown = kit.get(&format!("/api/v1/listings/{PLUGIN}"), "").await.json();
    assert_eq!(shown["releases"][0]["manifest"], manifest);
    assert!(shown["releases"][1]["manifest"].is_null());
    let old = shown["releases"][1]["id"].as_str().unwrap();
    assert_eq!(kit.get(&format!("/api/v1/releases/{old}"), "").await.json()["manifest"]["name"], "Viewer");
    kit.post(&format!("/api/v1/releases/{id}/yank"), &seller, json!({})).await;
    let shown = kit.get(&format!("/api/v1/listings/{PLUGIN}"), "").await.json();
    assert_eq!(shown["releases"][1]["manifest"]["name"], "Viewer", "of the newest that is active");
}

#[tokio::test]
async fn plugins_in_memory_at_the_same_time_are_counted() {
    let (kit, seller) = shop(json!({})).await;
    let all = kit.store.state.plugin_mib.clone();
    let held = all.acquire_many(u32::try_from(crate::publish::PLUGIN_MIB).unwrap()).await.unwrap();
    let mut waiting = Box::pin(publish(&kit, &seller, "1.1.0"));
    let parts = kit.listing(&seller, json!({})).await;
    tokio::select! {
        biased;
        () = &mut waiting => panic!("there was no memory for it"),
        answer = kit.publish(&seller, json!({"listing": parts, "version": "1.0.0"}), super::kit::GCODE) => {
            assert_eq!(answer.status, StatusCode::CREATED, "G-code streams");
        }
    }
    drop(held);
    waiting.await;
}
