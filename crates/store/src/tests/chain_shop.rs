//! A plugin that is sold on a chain, and people who buy it there.

use std::sync::Arc;

use http::{Method, StatusCode};
use sea_orm::EntityTrait;
use sealpost_envelope::ecdh::{self, Curve, Envelope, SecretKey};
use sealpost_envelope::key_proof;
use sealpost_market::DeviceKey;
use sealpost_market::chain::{BuyerKey, ChainHash};
use serde_json::{Value, json};

use super::chain_kit::{Chain, FINALITY, SELLER};
use super::kit::{Answer, Kit, START_S};
use crate::chain::watch;
use crate::fault::Fault;
use crate::random;
use crate::schema::{chain_payment, licence, purchase};

pub(super) const PLUGIN: &str = "org.example.viewer";
pub(super) const ITEM: &str = "org.example.viewer@1.0.0";
pub(super) const PRICE: u128 = 1_000;
const WASM: &[u8] = b"\0asm\x01\0\0\0";

/// A store on a chain, with `PLUGIN` for sale.
pub(super) struct Shop {
    pub(super) kit: Kit,
    pub(super) chain: Arc<Chain>,
    pub(super) seller: String,
}

/// A store whose seller sells `PLUGIN` 1.0.0 for 1000 wei.
pub(super) async fn shop() -> Shop {
    shop_with(json!({})).await
}

pub(super) async fn shop_with(extra: Value) -> Shop {
    let chain = Chain::new(START_S as u64);
    open(Kit::on_chain(&chain).await, chain, extra).await
}

/// A store that reads the chain only when a test says so.
pub(super) async fn shop_alone() -> Shop {
    let chain = Chain::new(START_S as u64);
    open(Kit::on_chain_alone(&chain).await, chain, json!({})).await
}

async fn open(kit: Kit, chain: Arc<Chain>, extra: Value) -> Shop {
    let seller = kit.person("sel").await;
    let mut body = json!({
        "kind": "plugin", "plugin": {"plugin_id": PLUGIN, "devices": 2},
        "price": {"amount": PRICE.to_string(), "currency": "ETH"},
    });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    kit.listing(&seller, body).await;
    let shop = Shop { kit, chain, seller };
    shop.publish("1.0.0").await;
    shop.pay_out_to(json!(SELLER.to_string())).await;
    shop
}

/// A wallet's key.
pub(super) fn wallet(curve: Curve) -> SecretKey {
    SecretKey::generate(curve, &mut random::rng())
}

/// What is paid for.
pub(super) fn on_chain(wallet: &SecretKey) -> BuyerKey {
    let key = wallet.recipient();
    let key = DeviceKey { curve: key.curve().to_string(), public_key: key.to_hex() };
    BuyerKey::from_device(&key).unwrap()
}

pub(super) fn recipient(wallet: &SecretKey) -> Value {
    json!({"curve": wallet.recipient().curve().as_str(), "public_key": wallet.recipient().to_hex()})
}

pub(super) fn opens(answer: &Value, wallet: &SecretKey) -> bool {
    let envelope: Envelope = serde_json::from_value(answer["envelope"].clone()).unwrap();
    ecdh::unwrap(&envelope, wallet, PLUGIN).is_ok()
}

impl Shop {
    pub(super) async fn publish(&self, version: &str) {
        let release = json!({"listing": PLUGIN, "version": version, "manifest": {"name": "Viewer"}});
        let answer = self.kit.publish(&self.seller, release, WASM).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    }

    pub(super) async fn pay_out_to(&self, address: Value) {
        let path = format!("/api/v1/listings/{PLUGIN}/payout");
        let answer = self.kit.call(Method::PUT, &path, &self.seller, Some(json!({"address": address}))).await;
        assert!(answer.status.is_success(), "{}", answer.text());
    }

    pub(super) async fn change_listing(&self, change: Value) {
        let path = format!("/api/v1/listings/{PLUGIN}");
        let answer = self.kit.call(Method::PATCH, &path, &self.seller, Some(change)).await;
        assert!(answer.status.is_success(), "{}", answer.text());
    }

    /// Somebody who has proved that the key is theirs.
    pub(super) async fn holder(&self, name: &str, wallet: &SecretKey) -> String {
        let token = self.kit.person(name).await;
        self.prove(&token, wallet).await;
        token
    }

    pub(super) async fn prove(&self, token: &str, wallet: &SecretKey) {
        let mut body = recipient(wallet);
        let challenge = self.kit.post("/api/v1/keys/challenge", token, body.clone()).await.json();
        let envelope: Envelope = serde_json::from_value(challenge["envelope"].clone()).unwrap();
        let context = challenge["context"].as_str().unwrap();
        body["answer"] = key_proof::respond(&envelope, wallet, context).unwrap().into();
        let answer = self.kit.post("/api/v1/keys", token, body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    }

    /// Looks at the chain until there is nothing to read.
    pub(super) async fn watch(&self) {
        watch_with(&self.kit).await;
    }

    /// Pays the price for a key, mines it and settles it on chain; the store is not told.
    pub(super) fn paid(&self, wallet: &SecretKey) -> ChainHash {
        let tx = self.chain.pay(ITEM, &on_chain(wallet), PRICE);
        self.chain.mine(FINALITY);
        tx
    }

    /// A purchase by this transaction.
    pub(super) async fn buy(&self, token: &str, wallet: &SecretKey, tx: ChainHash) -> Answer {
        let payment = json!({"method": "chain", "tx_hash": tx});
        let body = json!({"listing": PLUGIN, "payment": payment, "recipient": recipient(wallet)});
        self.kit.post("/api/v1/purchases", token, body).await
    }

    /// The envelope for a key that this transaction paid for.
    pub(super) async fn collect(&self, token: &str, wallet: &SecretKey, tx: ChainHash) -> Answer {
        let body = json!({
            "pluginId": PLUGIN, "txHash": tx, "buyerPubkey": wallet.recipient().to_hex(),
            "curve": wallet.recipient().curve().as_str(),
        });
        self.kit.post("/api/marketplace/purchase", token, body).await
    }

    pub(super) async fn purchase(&self, token: &str, id: &str) -> Value {
        self.kit.get(&format!("/api/v1/purchases/{id}"), token).await.json()
    }

    pub(super) async fn payments(&self) -> Vec<chain_payment::Model> {
        chain_payment::Entity::find().all(self.kit.store.state.db.read()).await.unwrap()
    }

    /// The only payment: its state, and why it is refused.
    pub(super) async fn payment(&self) -> (String, Option<String>) {
        let rows = self.payments().await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        (rows[0].state.clone(), rows[0].reason.clone())
    }

    pub(super) async fn licences(&self) -> Vec<licence::Model> {
        licence::Entity::find().all(self.kit.store.state.db.read()).await.unwrap()
    }

    pub(super) async fn purchases(&self) -> Vec<purchase::Model> {
        purchase::Entity::find().all(self.kit.store.state.db.read()).await.unwrap()
    }
}

/// As [`Shop::watch`], for another store on the same tables.
pub(super) async fn watch_with(kit: &Kit) {
    let state = &kit.store.state;
    let port = state.chain.clone().unwrap();
    for _ in 0..1_000 {
        match watch::round(state, &*port).await {
            Ok(false) => return,
            // The store's own watcher reads at the same time.
            Ok(true) | Err(Fault::Conflict) => {}
            Err(Fault::Problem(problem)) if problem.code == "chain_read_elsewhere" => {}
            Err(fault) => panic!("{:?}", fault.problem()),
        }
    }
    panic!("the watcher never comes to an end");
}
