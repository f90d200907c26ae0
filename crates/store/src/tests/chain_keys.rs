//! Whose a wallet's key is: proofs, and what they move.

use http::{Method, StatusCode, header};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sealpost_envelope::ecdh::{self, Curve, SecretKey};
use sealpost_envelope::key_proof;
use serde_json::{Value, json};

use super::kit::{Answer, Kit};
use super::plugin_kit::{PLUGIN, WASM, created};
use crate::random;
use crate::schema::{licence, purchase};

const CURVES: [Curve; 5] = [Curve::Secp256k1, Curve::P256, Curve::P384, Curve::X25519, Curve::Ed25519];

fn key(curve: Curve) -> SecretKey {
    SecretKey::generate(curve, &mut random::rng())
}

fn named(key: &SecretKey) -> Value {
    json!({"curve": key.recipient().curve().as_str(), "public_key": key.recipient().to_hex()})
}

async fn account(kit: &Kit, token: &str) -> String {
    kit.get("/api/v1/me", token).await.string("user_id")
}

async fn challenge(kit: &Kit, token: &str, key: &SecretKey) -> Value {
    let answer = kit.post("/api/v1/keys/challenge", token, named(key)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

/// The answer that the holder of a key makes, by a context of their own.
async fn respond(kit: &Kit, token: &str, key: &SecretKey) -> String {
    let told = challenge(kit, token, key).await;
    let context = key_proof::context(&kit.store.state.origin, &account(kit, token).await).unwrap();
    assert_eq!(told["context"], context);
    let envelope = serde_json::from_value(told["envelope"].clone()).unwrap();
    key_proof::respond(&envelope, key, &context).unwrap()
}

async fn answer_with(kit: &Kit, token: &str, key: &SecretKey, answer: &str) -> Answer {
    let mut proof = named(key);
    proof["answer"] = answer.into();
    kit.post("/api/v1/keys", token, proof).await
}

async fn prove(kit: &Kit, token: &str, key: &SecretKey) -> Value {
    let answer = respond(kit, token, key).await;
    created(&answer_with(kit, token, key, &answer).await)
}

async fn keys_of(kit: &Kit, token: &str) -> Vec<String> {
    let list = kit.get("/api/v1/keys/mine", token).await.json();
    list["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["public_key"].as_str().unwrap().to_owned())
        .collect()
}

/// A plugin that costs nothing.
async fn shop() -> (Kit, String) {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    kit.plugin(&seller, None).await;
    created(&kit.publish_plugin(&seller, json!({}), WASM).await);
    (kit, seller)
}

async fn buy(kit: &Kit, token: &str, key: &SecretKey, extra: Value) -> Answer {
    let mut body = json!({
        "pluginId": PLUGIN,
        "buyerPubkey": key.recipient().to_hex(),
        "curve": key.recipient().curve().as_str(),
    });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    kit.post("/api/marketplace/purchase", token, body).await
}

#[tokio::test]
async fn whoever_proves_a_key_holds_it_on_every_curve() {
    let kit = Kit::new().await;
    let ann = kit.person("ann").await;
    let mut expected = Vec::new();
    for curve in CURVES {
        let key = key(curve);
        let linked = prove(&kit, &ann, &key).await;
        assert_eq!(linked["licences"], 0);
        assert_eq!(linked["key"]["curve"], curve.as_str());
        assert_eq!(linked["key"]["public_key"], key.recipient().to_hex());
        expected.insert(0, key.recipient().to_hex());
        kit.pass_s(1);
    }
    assert_eq!(keys_of(&kit, &ann).await, expected);
    let bob = kit.person("bob").await;
    assert!(keys_of(&kit, &bob).await.is_empty());
}

#[tokio::test]
async fn a_key_is_one_key_however_it_is_written() {
    let kit = Kit::new().await;
    let (ann, key) = (kit.person("ann").await, key(Curve::Secp256k1));
    let answer = respond(&kit, &ann, &key).await;
    let mut proof = named(&key);
    proof["public_key"] = key.recipient().to_hex().to_uppercase().into();
    proof["answer"] = answer.into();
    let linked = created(&kit.post("/api/v1/keys", &ann, proof).await);
    assert_eq!(linked["key"]["public_key"], key.recipient().to_hex());
    assert_eq!(keys_of(&kit, &ann).await.len(), 1);
}

#[tokio::test]
async fn a_challenge_opens_for_its_store_and_account_alone() {
    let kit = Kit::new().await;
    let (ann, wallet) = (kit.person("ann").await, key(Curve::X25519));
    let told = challenge(&kit, &ann, &wallet).await;
    let envelope = serde_json::from_value(told["envelope"].clone()).unwrap();
    let (origin, id) = (kit.store.state.origin.clone(), account(&kit, &ann).await);
    for context in [
        key_proof::context("https://other.example", &id).unwrap(),
        key_proof::context(&origin, "a_somebodyelse").unwrap(),
        PLUGIN.to_owned(),
        String::new(),
    ] {
        assert!(key_proof::respond(&envelope, &wallet, &context).is_err(), "{context}");
    }
    assert!(key_proof::respond(&envelope, &key(Curve::X25519), told["context"].as_str().unwrap()).is_err());
    assert!(key_proof::respond(&envelope, &wallet, told["context"].as_str().unwrap()).is_ok());
}

#[tokio::test]
async fn an_answer_is_good_for_its_account_and_its_key_alone() {
    let kit = Kit::new().await;
    let (ann, eve) = (kit.person("ann").await, kit.person("eve").await);
    let (mine, other) = (key(Curve::P256), key(Curve::P256));
    let answer = respond(&kit, &ann, &mine).await;
    for (token, key) in [(&eve, &mine), (&ann, &other), (&eve, &other)] {
        let refused = answer_with(&kit, token, key, &answer).await;
        assert_eq!(refused.problem(), (403, "key_proof_wrong".to_owned()));
    }
    // What was in the envelope is not the answer, nor is anything shorter, longer or empty.
    let told = challenge(&kit, &ann, &mine).await;
    let envelope = serde_json::from_value(told["envelope"].clone()).unwrap();
    let secret = ecdh::unwrap(&envelope, &mine, told["context"].as_str().unwrap()).unwrap();
    let long = format!("{answer}00");
    for wrong in [hex::encode(secret.expose()).as_str(), &answer[..62], &long, "", "0x", &"0".repeat(64)] {
        let refused = answer_with(&kit, &ann, &mine, wrong).await;
        assert_eq!(refused.problem(), (403, "key_proof_wrong".to_owned()), "{wrong}");
    }
    assert!(keys_of(&kit, &ann).await.is_empty() && keys_of(&kit, &eve).await.is_empty());
    created(&answer_with(&kit, &ann, &mine, &answer).await);
}

#[tokio::test]
async fn another_store_of_the_same_name_takes_no_answer_of_this_one() {
    let (one, other) = (Kit::new().await, Kit::new().await);
    let (ann, wallet) = (one.person("ann").await, key(Curve::Secp256k1));
    let answer = respond(&one, &ann, &wallet).await;
    let there = other.person("ann").await;
    let refused = answer_with(&other, &there, &wallet, &answer).await;
    assert_eq!(refused.problem(), (403, "key_proof_wrong".to_owned()));
}

#[tokio::test]
async fn a_challenge_can_be_answered_for_an_hour_at_least_and_two_at_most() {
    let kit = Kit::new().await;
    let (ann, wallet) = (kit.person("ann").await, key(Curve::Secp256k1));
    let told = challenge(&kit, &ann, &wallet).await;
    let lasts = told["expires_in"].as_i64().unwrap();
    assert!((3_600..=7_200).contains(&lasts), "{lasts}");
    let answer = respond(&kit, &ann, &wallet).await;
    kit.pass_s(lasts - 1);
    created(&answer_with(&kit, &ann, &wallet, &answer).await);
    kit.pass_s(1);
    let refused = answer_with(&kit, &ann, &wallet, &answer).await;
    assert_eq!(refused.problem(), (403, "key_proof_wrong".to_owned()));
}

#[tokio::test]
async fn a_store_that_was_opened_anew_takes_answers_to_the_challenges_of_before() {
    let kit = Kit::new().await;
    let (ann, wallet) = (kit.person("ann").await, key(Curve::P384));
    let answer = respond(&kit, &ann, &wallet).await;
    let again = kit.again().await;
    created(&answer_with(&again, &ann, &wallet, &answer).await);
}

#[tokio::test]
async fn only_people_who_are_signed_in_prove_keys() {
    let kit = Kit::new().await;
    let ann = kit.person("ann").await;
    let printer = kit.printer(&ann, true).await;
    let wallet = key(Curve::Secp256k1);
    for (token, status) in [("", 401), ("nonsense", 401), (&printer.token, 403)] {
        for (method, path, body) in [
            (Method::POST, "/api/v1/keys/challenge", Some(named(&wallet))),
            (
                Method::POST,
                "/api/v1/keys",
                Some(json!({"curve": "p256", "public_key": "00", "answer": "00"})),
            ),
            (Method::GET, "/api/v1/keys/mine", None),
        ] {
            let refused = kit.call(method, path, token, body).await;
            assert_eq!(refused.status.as_u16(), status, "{path} {token}");
        }
    }
}

#[tokio::test]
async fn keys_that_are_none_are_refused_as_those_of_devices_are() {
    let kit = Kit::new().await;
    let ann = kit.person("ann").await;
    for (curve, public_key, code) in [
        ("secp256k1", "02".to_owned() + &"ff".repeat(32), "envelope_public_key"),
        ("secp256k1", "00".to_owned(), "envelope_public_key"),
        ("x25519", "00".repeat(32), "envelope_public_key"),
        ("x25519", "01".to_owned() + &"00".repeat(31), "envelope_public_key"),
        ("ed25519", "01".to_owned() + &"00".repeat(31), "envelope_public_key"),
        ("p256", "zz".to_owned(), "envelope_public_key"),
        ("brainpool", "00".to_owned(), "envelope_unknown_curve"),
    ] {
        let key = json!({"curve": curve, "public_key": public_key});
        let refused = kit.post("/api/v1/keys/challenge", &ann, key.clone()).await;
        assert_eq!(refused.problem(), (422, code.to_owned()), "{curve} {public_key}");
        let mut proof = key;
        proof["answer"] = "00".repeat(32).into();
        let refused = kit.post("/api/v1/keys", &ann, proof).await;
        assert_eq!(refused.problem(), (422, code.to_owned()), "{curve} {public_key}");
    }
}

#[tokio::test]
async fn nobody_asks_for_challenges_without_end() {
    let kit = Kit::new().await;
    let (ann, bob, wallet) = (kit.person("ann").await, kit.person("bob").await, key(Curve::X25519));
    for _ in 0..30 {
        challenge(&kit, &ann, &wallet).await;
    }
    let refused = kit.post("/api/v1/keys/challenge", &ann, named(&wallet)).await;
    assert_eq!(refused.problem(), (429, "too_many_attempts".to_owned()));
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    challenge(&kit, &bob, &wallet).await;
    kit.pass_s(2);
    challenge(&kit, &ann, &wallet).await;
}

#[tokio::test]
async fn what_a_wallet_bought_goes_with_its_key_and_nothing_else_does() {
    let (kit, seller) = shop().await;
    let (ann, wallet, other) = (kit.person("ann").await, key(Curve::P256), key(Curve::P256));
    let bought = buy(&kit, "", &wallet, json!({})).await.json();
    let stays = buy(&kit, "", &other, json!({})).await.json();
    assert_eq!(kit.get("/api/v1/licences", &ann).await.json()["licences"], json!([]));

    assert_eq!(prove(&kit, &ann, &wallet).await["licences"], 1);
    let listed = kit.get("/api/v1/licences", &ann).await.json();
    assert_eq!(listed["licences"].as_array().unwrap().len(), 1);
    assert_eq!(listed["licences"][0]["id"], bought["licence"]);
    assert_eq!(listed["licences"][0]["devices"][0]["id"], bought["device"]);
    let purchases = kit.get("/api/v1/purchases", &ann).await.json();
    assert_eq!(purchases["purchases"][0]["id"], listed["licences"][0]["purchase"]);

    // Once moved, it is moved; the seller sees who holds it.
    assert_eq!(prove(&kit, &ann, &wallet).await["licences"], 0);
    let sold = kit.get(&format!("/api/v1/licences?listing={PLUGIN}"), &seller).await.json();
    let me = account(&kit, &ann).await;
    for licence in sold["licences"].as_array().unwrap() {
        let mine = licence["id"] == bought["licence"];
        assert!(mine || licence["id"] == stays["licence"]);
        assert_eq!(licence["holder"] == me.as_str(), mine);
    }
    // And it is worked with as any other.
    let path = format!("/api/v1/licences/{}/devices", bought["licence"].as_str().unwrap());
    created(&kit.post(&path, &ann, named(&key(Curve::X25519))).await);
}

#[tokio::test]
async fn the_wallet_itself_goes_on_getting_what_it_has() {
    let (kit, _) = shop().await;
    let (ann, wallet) = (kit.person("ann").await, key(Curve::Ed25519));
    let bought = buy(&kit, "", &wallet, json!({})).await.json();
    prove(&kit, &ann, &wallet).await;
    let again = buy(&kit, "", &wallet, json!({})).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text());
    assert_eq!(again.json()["licence"], bought["licence"]);
    let signed_in = buy(&kit, &ann, &wallet, json!({})).await;
    assert_eq!(signed_in.json()["licence"], bought["licence"]);
}

#[tokio::test]
async fn what_a_wallet_buys_after_the_proof_is_its_holders_at_once() {
    let (kit, _) = shop().await;
    let (ann, wallet) = (kit.person("ann").await, key(Curve::X25519));
    prove(&kit, &ann, &wallet).await;
    let bought = buy(&kit, "", &wallet, json!({})).await.json();
    let licence = bought["licence"].as_str().unwrap();
    assert_eq!(kit.licence(&ann, licence).await["id"], licence);
    assert_eq!(prove(&kit, &ann, &wallet).await["licences"], 0);
}

#[tokio::test]
async fn of_two_who_prove_a_key_the_later_one_holds_it_and_what_was_moved_stays() {
    let (kit, _) = shop().await;
    let (ann, bob, wallet) = (kit.person("ann").await, kit.person("bob").await, key(Curve::Secp256k1));
    let bought = buy(&kit, "", &wallet, json!({})).await.json();
    prove(&kit, &ann, &wallet).await;
    let ann_again = respond(&kit, &ann, &wallet).await;
    assert_eq!(prove(&kit, &bob, &wallet).await["licences"], 0);
    assert_eq!(keys_of(&kit, &bob).await, [wallet.recipient().to_hex()]);
    assert!(keys_of(&kit, &ann).await.is_empty());
    let licence = bought["licence"].as_str().unwrap();
    assert_eq!(kit.licence(&ann, licence).await["id"], licence);
    assert_eq!(kit.get(&format!("/api/v1/licences/{licence}"), &bob).await.status, StatusCode::NOT_FOUND);
    // She holds the key as well as he does, and may say so again.
    created(&answer_with(&kit, &ann, &wallet, &ann_again).await);
    assert_eq!(keys_of(&kit, &ann).await.len(), 1);
}

#[tokio::test]
async fn of_two_who_prove_a_key_at_the_same_moment_one_holds_it() {
    let (kit, _) = shop().await;
    let (ann, bob, wallet) = (kit.person("ann").await, kit.person("bob").await, key(Curve::Secp256k1));
    let bought = buy(&kit, "", &wallet, json!({})).await.json();
    let (a, b) = (respond(&kit, &ann, &wallet).await, respond(&kit, &bob, &wallet).await);
    let (a, b) = tokio::join!(answer_with(&kit, &ann, &wallet, &a), answer_with(&kit, &bob, &wallet, &b));
    let moved = [created(&a), created(&b)].iter().filter(|linked| linked["licences"] == 1).count();
    assert_eq!(moved, 1);
    let held = [keys_of(&kit, &ann).await.len(), keys_of(&kit, &bob).await.len()];
    assert_eq!(held.iter().sum::<usize>(), 1);
    let row = licence::Entity::find_by_id(bought["licence"].as_str().unwrap());
    let holder = row.one(kit.store.state.db.read()).await.unwrap().unwrap().holder;
    assert!([account(&kit, &ann).await, account(&kit, &bob).await].contains(&holder));
}

#[tokio::test]
async fn a_purchase_at_the_moment_of_the_proof_is_not_torn_apart() {
    let (kit, _) = shop().await;
    let ann = kit.person("ann").await;
    let me = account(&kit, &ann).await;
    for _ in 0..8 {
        kit.pass_s(60);
        let wallet = key(Curve::X25519);
        let answer = respond(&kit, &ann, &wallet).await;
        let (bought, linked) =
            tokio::join!(buy(&kit, "", &wallet, json!({})), answer_with(&kit, &ann, &wallet, &answer));
        assert_eq!(bought.status, StatusCode::OK, "{}", bought.text());
        created(&linked);
        let db = kit.store.state.db.read();
        let id = bought.string("licence");
        // Whatever came first.
        let held = licence::Entity::find_by_id(&id).one(db).await.unwrap().unwrap();
        let paid = purchase::Entity::find_by_id(&held.purchase).one(db).await.unwrap().unwrap();
        assert_eq!((&held.holder, &paid.buyer), (&me, &me));
    }
}

#[tokio::test]
async fn uses_of_one_voucher_by_a_person_and_their_wallet_are_both_kept() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let plugin = json!({"plugin_id": PLUGIN});
    let price = json!({"amount": "100", "currency": "EUR"});
    kit.listing(&seller, json!({"kind": "plugin", "plugin": plugin, "price": price})).await;
    created(&kit.publish_plugin(&seller, json!({}), WASM).await);
    let voucher =
        kit.post("/api/v1/vouchers", &seller, json!({"listing": PLUGIN, "uses": 2})).await.string("code");
    let (ann, wallet) = (kit.person("ann").await, key(Curve::P256));
    let mine = buy(&kit, &ann, &key(Curve::P256), json!({"voucher": voucher})).await;
    assert_eq!(mine.status, StatusCode::OK, "{}", mine.text());
    let wallets = buy(&kit, "", &wallet, json!({"voucher": voucher})).await;
    assert_eq!(wallets.status, StatusCode::OK, "{}", wallets.text());
    assert_eq!(prove(&kit, &ann, &wallet).await["licences"], 1);
    assert_eq!(kit.get("/api/v1/licences", &ann).await.json()["licences"].as_array().unwrap().len(), 2);
    let used = purchase::Entity::find()
        .filter(purchase::Column::Voucher.is_not_null())
        .all(kit.store.state.db.read())
        .await
        .unwrap();
    assert_eq!(used.len(), 1);
}

#[tokio::test]
async fn proofs_and_what_they_move_are_in_the_audit_log() {
    let (kit, _) = shop().await;
    let (ann, bob, wallet) = (kit.person("ann").await, kit.person("bob").await, key(Curve::Secp256k1));
    let bought = buy(&kit, "", &wallet, json!({})).await.json();
    prove(&kit, &ann, &wallet).await;
    prove(&kit, &ann, &wallet).await;
    prove(&kit, &bob, &wallet).await;
    let db = &kit.store.state.db;
    let subject = format!("key:secp256k1:{}", wallet.recipient().to_hex());
    let entries = sealpost_accounts::audit::about(db, &subject, 0, 10).await.unwrap();
    let before: Vec<_> = entries.iter().map(|entry| entry.details["before"].clone()).collect();
    assert_eq!(before, [Value::Null, account(&kit, &ann).await.into()]);
    let subject = format!("licence:{}", bought["licence"].as_str().unwrap());
    let entries = sealpost_accounts::audit::about(db, &subject, 0, 10).await.unwrap();
    let moved: Vec<_> = entries.iter().filter(|entry| entry.action == "licence.moved").collect();
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0].details["to"], account(&kit, &ann).await);
}
