//! Plugin licences count each device once, also when many register from several clients at once.

use anyhow::{Context, Result};
use futures::future::join_all;
use reqwest::multipart::{Form, Part};
use sealpost_api::marketplace::{MarketplacePurchased, PluginBundle};
use sealpost_api::purchase::{
    DeviceResponse, Licence, Payment, PurchaseRequest, PurchaseResponse, Recipient,
};
use sealpost_envelope::ecdh::{Curve, Envelope, SecretKey, unwrap};
use sealpost_tests::person::{Person, client, expect, problem};
use sealpost_tests::store::Store;
use serde_json::json;

use crate::Backend;

crate::on_both_databases!(
    many_devices_at_once_never_exceed_the_licence,
    one_device_that_many_clients_register_is_one,
    an_upgrade_that_many_ask_for_at_once_is_wrapped_once,
    a_wallet_that_asks_many_times_at_once_has_one_licence,
);

const PLUGIN: &str = "org.example.viewer";

struct Shop {
    store: Store,
    seller: Person,
    buyer: Person,
    _folder: tempfile::TempDir,
}

async fn shop(backend: Backend, devices: u32) -> Result<Shop> {
    let folder = tempfile::tempdir()?;
    let store = Store::start(folder.path(), &backend.options()?)?;
    let seller = store.operator().await?;
    let buyer = store.person("buyer").await?;
    let listing =
        json!({"title": "Viewer", "kind": "plugin", "plugin": {"plugin_id": PLUGIN, "devices": devices}});
    expect(seller.post("/api/v1/listings", &listing).await?).await?;
    let shop = Shop { store, seller, buyer, _folder: folder };
    shop.publish("1.0.0").await?;
    Ok(shop)
}

impl Shop {
    async fn publish(&self, version: &str) -> Result<()> {
        let about =
            json!({"listing": PLUGIN, "version": version, "manifest": {"name": "Viewer"}}).to_string();
        let form = Form::new()
            .part("release", Part::text(about).mime_str("application/json")?)
            .part("file", Part::bytes(b"\0asm\x01\0\0\0".as_slice()).file_name("viewer.wasm"));
        let request = self.seller.request(reqwest::Method::POST, "/api/v1/releases").multipart(form);
        expect(request.send().await?).await?;
        Ok(())
    }

    async fn buy(&self, recipient: Option<Recipient>) -> Result<PurchaseResponse> {
        let body = PurchaseRequest { recipient, ..PurchaseRequest::new(PLUGIN, Payment::Free) };
        Ok(expect(self.buyer.post("/api/v1/purchases", &body).await?).await?.json().await?)
    }
}

fn key(curve: Curve) -> SecretKey {
    SecretKey::generate(curve, &mut rand_core::UnwrapErr(getrandom::SysRng))
}

fn recipient(key: &SecretKey) -> Recipient {
    let key = key.recipient();
    Recipient { curve: key.curve().to_string(), public_key: key.to_hex(), index: None, name: None }
}

fn opens(envelope: &serde_json::Value, key: &SecretKey) -> Result<bool> {
    let envelope: Envelope = serde_json::from_value(envelope.clone())?;
    Ok(unwrap(&envelope, key, PLUGIN).is_ok())
}

async fn many_devices_at_once_never_exceed_the_licence(backend: Backend) -> Result<()> {
    let shop = shop(backend, 4).await?;
    let licence = shop.buy(None).await?.licence.context("a licence")?.id;
    let path = format!("/api/v1/licences/{licence}/devices");
    let keys: Vec<_> = (0..20).map(|at| key(Curve::ALL[at % Curve::ALL.len()])).collect();
    let bodies: Vec<_> = keys.iter().map(recipient).collect();
    let mut given = 0;
    for (answer, key) in
        join_all(bodies.iter().map(|body| shop.buyer.post(&path, body))).await.into_iter().zip(&keys)
    {
        let answer = answer?;
        if answer.status().is_success() {
            given += 1;
            let added: DeviceResponse = answer.json().await?;
            assert!(opens(&added.envelope, key)?);
        } else {
            assert_eq!(problem(answer).await?.code, "device_limit");
        }
    }
    assert_eq!(given, 4);
    let licence: Licence = shop.buyer.get(&format!("/api/v1/licences/{licence}")).await?;
    assert_eq!(licence.devices.context("devices")?.len(), 4);
    Ok(())
}

async fn one_device_that_many_clients_register_is_one(backend: Backend) -> Result<()> {
    let shop = shop(backend, 2).await?;
    let licence = shop.buy(None).await?.licence.context("a licence")?.id;
    let path = format!("/api/v1/licences/{licence}/devices");
    let laptop = key(Curve::Secp256k1);
    let body = recipient(&laptop);
    let mut envelopes = Vec::new();
    for answer in join_all((0..10).map(|_| shop.buyer.post(&path, &body))).await {
        let added: DeviceResponse = expect(answer?).await?.json().await?;
        assert!(opens(&added.envelope, &laptop)?);
        envelopes.push((added.device.id, added.envelope.to_string()));
    }
    envelopes.dedup();
    assert_eq!(envelopes.len(), 1, "one device, one envelope");
    let licence: Licence = shop.buyer.get(&format!("/api/v1/licences/{licence}")).await?;
    assert_eq!(licence.devices.context("devices")?.len(), 1);
    Ok(())
}

async fn an_upgrade_that_many_ask_for_at_once_is_wrapped_once(backend: Backend) -> Result<()> {
    let shop = shop(backend, 1).await?;
    let laptop = key(Curve::P256);
    let bought = shop.buy(Some(recipient(&laptop))).await?;
    assert!(opens(&bought.envelope.context("an envelope")?, &laptop)?);
    shop.publish("1.1.0").await?;
    let path = format!("/api/v1/licences/{}/bundle", bought.licence.context("a licence")?.id);
    let mut bundles: Vec<PluginBundle> = Vec::new();
    for bundle in join_all((0..10).map(|_| shop.buyer.get(&path))).await {
        bundles.push(bundle?);
    }
    bundles.dedup();
    assert_eq!(bundles.len(), 1);
    assert_eq!(bundles[0].version, "1.1.0");
    assert!(opens(&bundles[0].buyer_wrapped_keys[0], &laptop)?);
    Ok(())
}

async fn a_wallet_that_asks_many_times_at_once_has_one_licence(backend: Backend) -> Result<()> {
    let shop = shop(backend, 1).await?;
    let wallet = key(Curve::Ed25519);
    let body = json!({"pluginId": PLUGIN, "buyerPubkey": wallet.recipient().to_hex(), "curve": "ed25519"});
    let http = client()?;
    let url = format!("{}/api/marketplace/purchase", shop.store.url);
    let mut licences = Vec::new();
    for answer in join_all((0..10).map(|_| http.post(&url).json(&body).send())).await {
        let bought: MarketplacePurchased = expect(answer?).await?.json().await?;
        assert!(opens(&bought.envelope, &wallet)?);
        licences.push(bought.licence);
    }
    licences.dedup();
    assert_eq!(licences.len(), 1);
    Ok(())
}
