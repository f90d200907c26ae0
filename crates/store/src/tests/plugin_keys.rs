//! Publishers change their keys and take versions back: what was paid still opens, and nobody is given what they do not trust.

use http::{Method, StatusCode};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use sealpost_envelope::bundle::Bundle;
use sealpost_envelope::ecdh::{Curve, Envelope, SecretKey, unwrap};
use sealpost_envelope::release::{Release, Trust};
use sealpost_envelope::{ContentCipher, SigningKey, digest};
use serde_json::{Value, json};

use super::kit::{Answer, Kit};
use super::plugin_kit::{PLUGIN, WASM, created, public, sign, signing_key};
use crate::random;
use crate::schema::licence;

fn key() -> SecretKey {
    SecretKey::generate(Curve::X25519, &mut random::rng())
}

fn recipient(key: &SecretKey) -> Value {
    json!({"curve": "x25519", "public_key": key.recipient().to_hex(), "name": "laptop", "index": 3})
}

/// A store with a plugin for two devices.
struct Shop {
    kit: Kit,
    seller: String,
    buyer: String,
}

impl Shop {
    async fn open(publisher: Option<&SigningKey>, extra: Value) -> Self {
        let kit = Kit::new().await;
        let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
        let mut plugin = json!({"plugin_id": PLUGIN, "devices": 2});
        if let Some(publisher) = publisher {
            plugin["publisher_key"] = public(publisher).into();
        }
        let mut body = json!({"kind": "plugin", "plugin": plugin});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        kit.listing(&seller, body).await;
        Self { kit, seller, buyer }
    }

    /// The release's id.
    async fn publish(&self, version: &str, publisher: Option<&SigningKey>) -> String {
        self.kit.pass_s(1);
        let mut release = json!({"listing": PLUGIN, "version": version, "manifest": {"abi": 1}});
        if let Some(publisher) = publisher {
            let statement = Release {
                publisher: publisher.verifying_key().to_bytes(),
                listing: PLUGIN.to_owned(),
                version: version.to_owned(),
                cid: None,
                plain_sha256: digest::sha256(WASM),
                cipher: ContentCipher::Aes256Gcm,
                manifest: serde_json::from_value(json!({"abi": 1})).unwrap(),
            };
            release["signature"] = sign(&statement, publisher).into();
        }
        let published = created(&self.kit.publish(&self.seller, release, WASM).await);
        published["id"].as_str().unwrap().to_owned()
    }

    async fn yank(&self, release: &str) {
        let path = format!("/api/v1/releases/{release}/yank");
        assert_eq!(self.kit.post(&path, &self.seller, json!({})).await.status, StatusCode::OK);
    }

    async fn sign_with(&self, publisher: &SigningKey) {
        let change = json!({"publisher_key": public(publisher)});
        let path = format!("/api/v1/listings/{PLUGIN}");
        let changed = self.kit.call(Method::PATCH, &path, &self.seller, Some(change)).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    }

    async fn buy(&self, recipient: Option<Value>) -> Answer {
        let body = json!({"listing": PLUGIN, "payment": {"method": "free"}, "recipient": recipient});
        self.kit.post("/api/v1/purchases", &self.buyer, body).await
    }

    /// A licence.
    async fn bought(&self, recipient: Option<Value>) -> String {
        created(&self.buy(recipient).await)["licence"]["id"].as_str().unwrap().to_owned()
    }

    async fn add(&self, licence: &str, key: &SecretKey) -> Answer {
        self.kit.post(&format!("/api/v1/licences/{licence}/devices"), &self.buyer, recipient(key)).await
    }

    async fn bundle(&self, licence: &str, query: &str) -> Answer {
        self.kit.get(&format!("/api/v1/licences/{licence}/bundle{query}"), &self.buyer).await
    }

    /// The version of a bundle that this publisher signed and this device opens.
    async fn opened(&self, bundle: &Answer, publisher: &SigningKey, device: &SecretKey) -> Value {
        assert_eq!(bundle.status, StatusCode::OK, "{}", bundle.text());
        let bundle = bundle.json();
        let blob = self.kit.get(bundle["blobUrl"].as_str().unwrap(), "").await;
        let mut read = Bundle::from_json(bundle.to_string().as_bytes()).unwrap();
        read.encrypted_data = Some(blob.body.to_vec());
        let verified = read.verify(Trust::Publisher(&publisher.verifying_key())).unwrap();
        assert_eq!(*verified.open_with_buyer_key(device).unwrap(), WASM);
        bundle["version"].clone()
    }
}

fn opens(added: &Answer, key: &SecretKey) -> bool {
    let envelope: Envelope = serde_json::from_value(created(added)["envelope"].clone()).unwrap();
    unwrap(&envelope, key, PLUGIN).is_ok()
}

#[tokio::test]
async fn nothing_is_sold_under_a_key_that_did_not_sign_it() {
    for first in [None, Some(signing_key())] {
        let shop = Shop::open(first.as_ref(), json!({})).await;
        shop.publish("1.0.0", first.as_ref()).await;
        let second = signing_key();
        shop.sign_with(&second).await;
        assert_eq!(shop.buy(None).await.problem(), (404, "no_release".to_owned()));
        let by_wallet =
            json!({"pluginId": PLUGIN, "buyerPubkey": key().recipient().to_hex(), "curve": "x25519"});
        let by_wallet = shop.kit.post("/api/marketplace/purchase", "", by_wallet).await;
        assert_eq!(by_wallet.problem(), (404, "no_release".to_owned()));

        // An older version than the first one too: what counts is the key.
        shop.publish("0.9.0", Some(&second)).await;
        let laptop = key();
        let licence = shop.bought(Some(recipient(&laptop))).await;
        let shown = shop.kit.licence(&shop.buyer, &licence).await;
        assert_eq!(shown["publisher_key"], public(&second));
        let bundle = shop.bundle(&licence, "").await;
        assert_eq!(shop.opened(&bundle, &second, &laptop).await, "0.9.0");
    }
}

#[tokio::test]
async fn after_a_change_of_keys_old_buyers_are_given_what_they_trust_and_the_rest_by_name() {
    let (first, second) = (signing_key(), signing_key());
    let shop = Shop::open(Some(&first), json!({})).await;
    let one = shop.publish("1.0.0", Some(&first)).await;
    let laptop = key();
    let licence = shop.bought(Some(recipient(&laptop))).await;
    shop.publish("1.1.0", Some(&first)).await;
    shop.sign_with(&second).await;
    let two = shop.publish("2.0.0", Some(&second)).await;

    assert_eq!(shop.opened(&shop.bundle(&licence, "").await, &first, &laptop).await, "1.1.0");
    let named = shop.bundle(&licence, "?version=2.0.0").await;
    assert_eq!(shop.opened(&named, &second, &laptop).await, "2.0.0");
    let desktop = key();
    let added = shop.add(&licence, &desktop).await;
    let device = created(&added)["device"]["id"].as_str().unwrap().to_owned();
    let bundle = shop.bundle(&licence, &format!("?device={device}")).await;
    assert_eq!(shop.opened(&bundle, &first, &desktop).await, "1.1.0");
    assert_eq!(bundle.json()["buyerWrappedKeys"][0], created(&added)["envelope"], "the one of before");

    // The first key got into other hands: what it signed is taken back, and the new key has to be trusted by name still.
    shop.yank(&one).await;
    let newer = shop.kit.get(&format!("/api/v1/listings/{PLUGIN}"), "").await.json();
    let newer = newer["releases"].as_array().unwrap().iter().find(|row| row["version"] == "1.1.0").cloned();
    shop.yank(newer.unwrap()["id"].as_str().unwrap()).await;
    assert_eq!(shop.bundle(&licence, "").await.problem(), (410, "release_yanked".to_owned()));
    let named = shop.bundle(&licence, &format!("?version=2.0.0&device={device}")).await;
    assert_eq!(named.json()["release"], two);
    assert_eq!(shop.opened(&named, &second, &desktop).await, "2.0.0");
}

#[tokio::test]
async fn who_bought_what_nobody_signed_is_given_what_is_signed_later() {
    let shop = Shop::open(None, json!({})).await;
    shop.publish("1.0.0", None).await;
    let laptop = key();
    let licence = shop.bought(Some(recipient(&laptop))).await;
    let publisher = signing_key();
    shop.sign_with(&publisher).await;
    shop.publish("1.1.0", Some(&publisher)).await;
    let bundle = shop.bundle(&licence, "").await;
    assert_eq!(shop.opened(&bundle, &publisher, &laptop).await, "1.1.0");
}

#[tokio::test]
async fn a_licence_whose_versions_are_all_taken_back_still_takes_devices_and_gives_what_was_bought() {
    let shop = Shop::open(None, json!({})).await;
    let old = shop.publish("0.9.0", None).await;
    let first = shop.publish("1.0.0", None).await;
    let licence = shop.bought(None).await;
    let never = shop.publish("1.1.0", None).await;
    for release in [&old, &first, &never] {
        shop.yank(release).await;
    }
    let (laptop, desktop) = (key(), key());
    let added = shop.add(&licence, &laptop).await;
    assert!(opens(&added, &laptop), "the first device of a licence that had none");
    let device = created(&added)["device"]["id"].as_str().unwrap().to_owned();
    let bundle = shop.bundle(&licence, &format!("?device={device}&version=1.0.0")).await.json();
    assert_eq!(bundle["buyerWrappedKeys"][0], created(&added)["envelope"], "the version that was bought");
    assert!(opens(&shop.add(&licence, &desktop).await, &desktop), "and the second");
    assert_eq!(created(&shop.add(&licence, &laptop).await)["envelope"], created(&added)["envelope"]);
    assert_eq!(shop.add(&licence, &key()).await.problem(), (409, "device_limit".to_owned()));
}

#[tokio::test]
async fn a_licence_without_updates_takes_devices_while_only_newer_versions_are_given() {
    let shop = Shop::open(None, json!({"free_updates": false})).await;
    let first = shop.publish("1.0.0", None).await;
    let licence = shop.bought(None).await;
    shop.publish("2.0.0", None).await;
    shop.yank(&first).await;
    let laptop = key();
    assert!(opens(&shop.add(&licence, &laptop).await, &laptop));
    assert_eq!(shop.bundle(&licence, "?version=1.0.0").await.status, StatusCode::OK);
    assert_eq!(shop.bundle(&licence, "").await.problem(), (402, "release_not_covered".to_owned()));
}

#[tokio::test]
async fn a_wallet_is_given_its_newest_envelope_again_when_everything_was_taken_back() {
    let shop = Shop::open(None, json!({})).await;
    let first = shop.publish("1.0.0", None).await;
    let wallet = key();
    let body = json!({"pluginId": PLUGIN, "buyerPubkey": wallet.recipient().to_hex(), "curve": "x25519"});
    let ask = || shop.kit.post("/api/marketplace/purchase", "", body.clone());
    assert_eq!(ask().await.json()["version"], "1.0.0");
    let second = shop.publish("1.1.0", None).await;
    let upgraded = ask().await.json();
    assert_eq!(upgraded["version"], "1.1.0");
    shop.yank(&first).await;
    shop.yank(&second).await;
    let again = ask().await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text());
    let again = again.json();
    assert_eq!((&again["version"], &again["envelope"]), (&upgraded["version"], &upgraded["envelope"]));
    let stranger = json!({"pluginId": PLUGIN, "buyerPubkey": key().recipient().to_hex(), "curve": "x25519"});
    let refused = shop.kit.post("/api/marketplace/purchase", "", stranger).await;
    assert_eq!(refused.problem(), (404, "no_release".to_owned()));
}

#[tokio::test]
async fn devices_that_are_there_count_whatever_the_licence_says() {
    let shop = Shop::open(None, json!({})).await;
    shop.publish("1.0.0", None).await;
    let licence = shop.bought(None).await;
    for _ in 0..2 {
        assert_eq!(shop.add(&licence, &key()).await.status, StatusCode::CREATED);
    }
    let id = licence.clone();
    let forgot = shop.kit.store.state.db.write(move |tx| {
        let id = id.clone();
        Box::pin(async move {
            let change = licence::ActiveModel { used: Set(0), ..Default::default() };
            let changed = licence::Entity::update_many().set(change).filter(licence::Column::Id.eq(id));
            changed.exec(tx).await.map_err(crate::fault::Fault::from)
        })
    });
    assert_eq!(forgot.await.unwrap().rows_affected, 1);
    assert_eq!(shop.add(&licence, &key()).await.problem(), (409, "device_limit".to_owned()));
}

#[tokio::test]
async fn an_operator_sees_a_licence_and_not_what_its_holder_calls_the_devices() {
    let shop = Shop::open(None, json!({})).await;
    shop.publish("1.0.0", None).await;
    let licence = shop.bought(Some(recipient(&key()))).await;
    let operator = shop.kit.person("ops").await;
    let path = format!("/api/v1/licences/{licence}");
    assert_eq!(shop.kit.get(&path, &operator).await.problem().0, 404);
    let named = shop.kit.store.state.db.write(|tx| {
        Box::pin(async move {
            let promote = "UPDATE accounts SET operator = TRUE WHERE username = 'ops'";
            tx.execute_unprepared(promote).await.map_err(crate::fault::Fault::from)
        })
    });
    assert_eq!(named.await.unwrap().rows_affected(), 1);
    let shown = shop.kit.get(&path, &operator).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text());
    assert!(shown.json()["devices"][0]["public_key"].is_string());
    assert!(!shown.text().contains("laptop") && !shown.text().contains("index"), "{}", shown.text());
    assert_eq!(shop.kit.licence(&shop.buyer, &licence).await["devices"][0]["name"], "laptop");
}
