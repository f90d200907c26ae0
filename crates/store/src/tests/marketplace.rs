//! `POST /api/marketplace/purchase`.

use http::StatusCode;
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
    let wallet = key(Curve::X25519);
    let answers = futures::future::join_all((0..8).map(|_| purchase(&kit, "", &wallet, json!({})))).await;
    let first = answers[0].json();
    for answer in &answers {
        assert_eq!(answer.json(), first);
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
