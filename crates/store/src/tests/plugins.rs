//! Plugins bought: devices, envelopes, bundles, blobs.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use sealpost_envelope::ContentCipher;
use sealpost_envelope::bundle::Bundle;
use sealpost_envelope::ecdh::{Curve, SecretKey};
use sealpost_envelope::release::Trust;
use serde_json::{Value, json};

use super::kit::{Answer, Kit};
use super::plugin_kit;
use crate::random;

/// The smallest module there is, and a custom section that tells versions apart.
fn wasm(version: &str) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0\0".to_vec();
    let name = format!("v{version}");
    module.push(u8::try_from(name.len() + 1).unwrap());
    module.push(u8::try_from(name.len()).unwrap());
    module.extend_from_slice(name.as_bytes());
    module
}

const PLUGIN: &str = "org.example.viewer";

fn key(curve: Curve) -> SecretKey {
    SecretKey::generate(curve, &mut random::rng())
}

fn recipient(key: &SecretKey) -> Value {
    json!({"curve": key.recipient().curve().as_str(), "public_key": key.recipient().to_hex()})
}

/// A store with a plugin for two devices, version 1.0.0.
struct Shop {
    kit: Kit,
    seller: String,
    buyer: String,
}

impl Shop {
    async fn open(extra: Value) -> Self {
        let kit = Kit::new().await;
        let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
        let mut body = json!({"kind": "plugin", "plugin": {"plugin_id": PLUGIN, "devices": 2}});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        kit.listing(&seller, body).await;
        let shop = Self { kit, seller, buyer };
        shop.publish("1.0.0").await;
        shop
    }

    async fn publish(&self, version: &str) -> Value {
        self.kit.pass_s(1);
        let release =
            json!({"listing": PLUGIN, "version": version, "manifest": {"name": "Viewer", "abi": 1}});
        let answer = self.kit.publish(&self.seller, release, &wasm(version)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        answer.json()
    }

    async fn buy(&self, recipient: Option<Value>) -> Answer {
        let mut body = json!({"listing": PLUGIN, "payment": {"method": "free"}});
        if let Some(recipient) = recipient {
            body["recipient"] = recipient;
        }
        self.kit.post("/api/v1/purchases", &self.buyer, body).await
    }

    /// A licence with no device yet.
    async fn licence(&self) -> String {
        let answer = self.buy(None).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        answer.json()["licence"]["id"].as_str().unwrap().to_owned()
    }

    async fn add(&self, licence: &str, recipient: Value) -> Answer {
        self.kit.post(&format!("/api/v1/licences/{licence}/devices"), &self.buyer, recipient).await
    }

    async fn bundle(&self, licence: &str, query: &str) -> Answer {
        self.kit.get(&format!("/api/v1/licences/{licence}/bundle{query}"), &self.buyer).await
    }

    /// What a buyer's device does with a bundle.
    async fn open_bundle(&self, bundle: &Value, key: &SecretKey) -> Vec<u8> {
        let blob = self.kit.get(bundle["blobUrl"].as_str().unwrap(), "").await;
        assert_eq!(blob.status, StatusCode::OK, "{}", blob.text());
        let mut bundle = Bundle::from_json(bundle.to_string().as_bytes()).unwrap();
        bundle.encrypted_data = Some(blob.body.to_vec());
        bundle.verify(Trust::AllowUnsigned).unwrap().open_with_buyer_key(key).unwrap().to_vec()
    }

    async fn facts(&self, subject: &str) -> Vec<String> {
        let rows = sealpost_accounts::audit::about(&self.kit.store.state.db, subject, 0, 1000).await.unwrap();
        let facts = rows.iter().flat_map(|row| row.details["facts"].as_array().cloned().unwrap_or_default());
        facts.map(|fact| fact["fact"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn a_plugin_that_was_bought_opens_on_the_buyers_device() {
    let shop = Shop::open(json!({})).await;
    let laptop = key(Curve::Secp256k1);
    let mut wanted = recipient(&laptop);
    (wanted["index"], wanted["name"]) = (json!(7), json!("laptop"));
    let bought = shop.buy(Some(wanted)).await;
    assert_eq!(bought.status, StatusCode::CREATED, "{}", bought.text());
    let bought = bought.json();
    let (licence, device) = (&bought["licence"], &bought["device"]);
    assert_eq!((&licence["kind"], &licence["plugin_id"]), (&json!("plugin"), &json!(PLUGIN)));
    assert_eq!((&licence["devices_allowed"], &licence["prints_allowed"]), (&json!(2), &json!(0)));
    assert_eq!((&device["index"], &device["name"]), (&json!(7), &json!("laptop")));
    assert_eq!(&licence["devices"][0], device);

    let licence = licence["id"].as_str().unwrap();
    let path = format!("?device={}", device["id"].as_str().unwrap());
    let bundle = shop.bundle(licence, &path).await.json();
    assert_eq!(bundle["buyerWrappedKeys"], json!([bought["envelope"]]), "the same envelope is given again");
    assert_eq!(bundle["manifest"], json!({"name": "Viewer", "abi": 1}));
    assert_eq!(shop.open_bundle(&bundle, &laptop).await, wasm("1.0.0"));
    let shown = shop.kit.licence(&shop.buyer, licence).await;
    assert_eq!(shown["devices"][0]["index"], 7);
    let by_cid = shop.kit.get(&format!("/ipfs/{}", bought["cid"].as_str().unwrap()), "").await;
    assert_eq!(by_cid.headers["etag"], format!("\"{}\"", bundle["blobSha256"].as_str().unwrap()));
    let purchase = bought["purchase"]["id"].as_str().unwrap();
    let facts = shop.facts(&format!("purchase:{purchase}")).await;
    assert_eq!(facts.iter().filter(|fact| *fact == "key_wrapped").count(), 1, "{facts:?}");
}

#[tokio::test]
async fn all_five_curves_open_what_the_store_wrapped() {
    let shop = Shop::open(json!({"plugin": {"plugin_id": PLUGIN, "devices": 5}})).await;
    let licence = shop.licence().await;
    for curve in Curve::ALL {
        let key = key(curve);
        let added = shop.add(&licence, recipient(&key)).await;
        assert_eq!(added.status, StatusCode::CREATED, "{curve}: {}", added.text());
        let device = added.json()["device"]["id"].as_str().unwrap().to_owned();
        let bundle = shop.bundle(&licence, &format!("?device={device}")).await.json();
        assert_eq!(bundle["buyerWrappedKeys"][0], added.json()["envelope"]);
        assert_eq!(shop.open_bundle(&bundle, &key).await, wasm("1.0.0"), "{curve}");
    }
    let listed = shop.kit.get("/api/v1/licences", &shop.buyer).await.json();
    assert_eq!(listed["licences"][0]["devices"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_key_is_one_device_however_it_is_written_and_the_limit_holds() {
    let shop = Shop::open(json!({})).await;
    let licence = shop.licence().await;
    let first = key(Curve::P256);
    let added = shop.add(&licence, recipient(&first)).await.json();
    let shouted =
        json!({"curve": "p256", "publicKey": first.recipient().to_hex().to_uppercase(), "name": "again"});
    let again = shop.add(&licence, shouted).await.json();
    assert_eq!((&again["device"], &again["envelope"]), (&added["device"], &added["envelope"]));
    // The same bytes on another curve are another key.
    let on_x = key(Curve::X25519);
    assert_eq!(shop.add(&licence, recipient(&on_x)).await.status, StatusCode::CREATED);
    let third = shop.add(&licence, recipient(&key(Curve::P256))).await;
    assert_eq!(third.problem(), (409, "device_limit".to_owned()));
    assert_eq!(shop.add(&licence, recipient(&first)).await.status, StatusCode::CREATED);
    let shown = shop.kit.licence(&shop.buyer, &licence).await;
    assert_eq!(shown["devices"].as_array().unwrap().len(), 2);
    let facts = shop.facts(&format!("licence:{licence}")).await;
    assert_eq!(facts, ["device_registered", "key_wrapped", "device_registered", "key_wrapped"]);
}

#[tokio::test]
async fn devices_that_are_registered_at_once_are_counted_one_by_one() {
    let shop = Shop::open(json!({"plugin": {"plugin_id": PLUGIN, "devices": 3}})).await;
    let licence = shop.licence().await;
    let keys: Vec<_> = (0..8).map(|_| key(Curve::X25519)).collect();
    let twice = keys.iter().chain(&keys).map(|key| shop.add(&licence, recipient(key)));
    let answers = futures::future::join_all(twice).await;
    let mut opened = Vec::new();
    for (answer, key) in answers.iter().zip(keys.iter().chain(&keys)) {
        if answer.status == StatusCode::CREATED {
            opened.push(key.recipient().to_hex());
        } else {
            assert!(["device_limit", "busy"].contains(&answer.problem().1.as_str()), "{}", answer.text());
        }
    }
    opened.sort();
    opened.dedup();
    assert_eq!(opened.len(), 3);
    let shown = shop.kit.licence(&shop.buyer, &licence).await;
    assert_eq!(shown["devices"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn keys_that_are_none_are_refused_and_count_nothing() {
    let shop = Shop::open(json!({})).await;
    let licence = shop.licence().await;
    let on_p256 = key(Curve::P256).recipient().to_hex();
    for (curve, public_key, code) in [
        ("x25519", "00".repeat(32), "envelope_public_key"),
        ("ed25519", "ff".repeat(32), "envelope_public_key"),
        ("secp256k1", format!("02{}", "ff".repeat(32)), "envelope_public_key"),
        ("p384", on_p256.clone(), "envelope_public_key"),
        ("p256", "zz".to_owned(), "envelope_public_key"),
        ("p521", on_p256, "envelope_unknown_curve"),
    ] {
        let wanted = json!({"curve": curve, "public_key": public_key});
        assert_eq!(shop.add(&licence, wanted.clone()).await.problem(), (422, code.to_owned()), "{curve}");
        assert_eq!(shop.buy(Some(wanted)).await.problem(), (422, code.to_owned()), "{curve}");
    }
    for (field, value) in [("index", json!(1u32 << 31)), ("name", json!("a\nb"))] {
        let mut wanted = recipient(&key(Curve::P256));
        wanted[field] = value;
        assert_eq!(shop.add(&licence, wanted).await.problem(), (422, "invalid".to_owned()));
    }
    assert_eq!(shop.kit.licence(&shop.buyer, &licence).await["devices"], json!([]));
    let none = shop.bundle(&licence, "").await;
    assert_eq!(none.problem(), (422, "which_device".to_owned()));
}

#[tokio::test]
async fn a_new_version_is_wrapped_anew_for_a_device_that_has_an_older_one() {
    let shop = Shop::open(json!({})).await;
    let laptop = key(Curve::Ed25519);
    let bought = shop.buy(Some(recipient(&laptop))).await.json();
    let licence = bought["licence"]["id"].as_str().unwrap();
    shop.publish("1.1.0").await;
    let newer = shop.bundle(licence, "").await.json();
    assert_eq!(newer["version"], "1.1.0");
    assert_eq!(shop.open_bundle(&newer, &laptop).await, wasm("1.1.0"));
    assert_eq!(shop.bundle(licence, "").await.json(), newer, "given once, given the same again");
    let older = shop.bundle(licence, "?version=1.0.0").await.json();
    assert_eq!(older["buyerWrappedKeys"][0], bought["envelope"]);
    assert_eq!(shop.open_bundle(&older, &laptop).await, wasm("1.0.0"));
    assert_eq!(shop.bundle(licence, "?version=9.0.0").await.problem(), (404, "no_release".to_owned()));
    assert_eq!(shop.bundle(licence, "?version=x").await.problem(), (422, "invalid".to_owned()));
    assert_eq!(shop.facts(&format!("licence:{licence}")).await, ["key_wrapped"]);
}

#[tokio::test]
async fn without_free_updates_a_newer_version_is_not_covered() {
    let shop = Shop::open(json!({"free_updates": false})).await;
    let licence = shop.buy(Some(recipient(&key(Curve::X25519)))).await.json()["licence"].clone();
    assert_eq!(licence["covers"], "1.0.0");
    let licence = licence["id"].as_str().unwrap();
    shop.publish("2.0.0").await;
    assert_eq!(shop.bundle(licence, "").await.json()["version"], "1.0.0");
    let newer = shop.bundle(licence, "?version=2.0.0").await;
    assert_eq!(newer.problem(), (402, "release_not_covered".to_owned()));
}

#[tokio::test]
async fn a_yanked_version_is_given_by_name_to_those_who_had_it() {
    let shop = Shop::open(json!({})).await;
    let laptop = key(Curve::X25519);
    let early = shop.buy(Some(recipient(&laptop))).await.json()["licence"]["id"].as_str().unwrap().to_owned();
    let bad = shop.publish("1.1.0").await["id"].as_str().unwrap().to_owned();
    let late = shop.buy(Some(recipient(&laptop))).await.json()["licence"]["id"].as_str().unwrap().to_owned();
    let yank = format!("/api/v1/releases/{bad}/yank");
    assert_eq!(shop.kit.post(&yank, &shop.seller, json!({})).await.status, StatusCode::OK);

    assert_eq!(shop.bundle(&late, "").await.json()["version"], "1.0.0");
    let named = shop.bundle(&late, "?version=1.1.0").await.json();
    assert_eq!(shop.open_bundle(&named, &laptop).await, wasm("1.1.0"));
    let never_had = shop.bundle(&early, "?version=1.1.0").await;
    assert_eq!(never_had.problem(), (410, "release_yanked".to_owned()));

    let only = shop.kit.get(&format!("/api/v1/listings/{PLUGIN}"), "").await.json();
    let first = only["releases"].as_array().unwrap().iter().find(|row| row["version"] == "1.0.0").unwrap();
    let yank = format!("/api/v1/releases/{}/yank", first["id"].as_str().unwrap());
    shop.kit.post(&yank, &shop.seller, json!({})).await;
    assert_eq!(shop.bundle(&early, "").await.problem(), (410, "release_yanked".to_owned()));
    assert_eq!(shop.bundle(&early, "?version=1.0.0").await.status, StatusCode::OK);
    assert_eq!(
        shop.buy(None).await.problem(),
        (404, "no_release".to_owned()),
        "nothing to give, nothing sold"
    );
}

#[tokio::test]
async fn a_revoked_licence_gives_no_key_and_only_its_seller_revokes() {
    let shop = Shop::open(json!({})).await;
    let laptop = key(Curve::X25519);
    let bought = shop.buy(Some(recipient(&laptop))).await.json();
    let licence = bought["licence"]["id"].as_str().unwrap();
    let path = format!("/api/v1/licences/{licence}/revoke");
    let stranger = shop.kit.person("eve").await;
    assert_eq!(shop.kit.post(&path, &stranger, json!({})).await.problem().0, 404);
    assert_eq!(shop.kit.post(&path, &shop.buyer, json!({})).await.problem(), (403, "not_allowed".to_owned()));
    let revoked = shop.kit.post(&path, &shop.seller, json!({})).await;
    assert_eq!((revoked.status, revoked.string("state").as_str()), (StatusCode::OK, "revoked"));
    assert_eq!(
        shop.kit.post(&path, &shop.seller, json!({})).await.status,
        StatusCode::OK,
        "as often as it is said"
    );

    let inactive = (403, "licence_inactive".to_owned());
    assert_eq!(shop.bundle(licence, "").await.problem(), inactive);
    assert_eq!(shop.bundle(licence, "?version=1.0.0").await.problem(), inactive);
    assert_eq!(shop.add(licence, recipient(&laptop)).await.problem(), inactive);
    assert_eq!(shop.add(licence, recipient(&key(Curve::P384))).await.problem(), inactive);
    assert_eq!(shop.kit.licence(&shop.buyer, licence).await["state"], "revoked");
}

#[tokio::test]
async fn an_expired_licence_gives_no_key() {
    let shop = Shop::open(json!({"valid_days": 30})).await;
    let licence = shop.buy(Some(recipient(&key(Curve::P256)))).await.json()["licence"].clone();
    assert!(licence["expires_at"].is_string());
    let licence = licence["id"].as_str().unwrap();
    assert_eq!(shop.bundle(licence, "").await.status, StatusCode::OK);
    shop.kit.pass_s(30 * 86_400);
    // Tokens have ended too.
    let body = json!({"username": "buy", "password": "correct horse battery"});
    let buyer = shop.kit.post("/auth/login", "", body).await.string("token");
    let shop = Shop { buyer, ..shop };
    assert_eq!(shop.bundle(licence, "").await.problem(), (410, "licence_expired".to_owned()));
    let added = shop.add(licence, recipient(&key(Curve::P256))).await;
    assert_eq!(added.problem(), (410, "licence_expired".to_owned()));
}

#[tokio::test]
async fn anothers_licence_is_not_found() {
    let shop = Shop::open(json!({})).await;
    let bought = shop.buy(Some(recipient(&key(Curve::X25519)))).await.json();
    let licence = bought["licence"]["id"].as_str().unwrap();
    let stranger = shop.kit.person("eve").await;
    let paths = [format!("/api/v1/licences/{licence}/bundle"), format!("/api/v1/licences/{licence}")];
    for (path, who) in paths.iter().zip([&stranger, &stranger]) {
        assert_eq!(shop.kit.get(path, who).await.problem().0, 404, "{path}");
    }
    assert_eq!(
        shop.kit.get(&paths[0], &shop.seller).await.problem().0,
        404,
        "a seller gets no key of a buyer's"
    );
    let path = format!("/api/v1/licences/{licence}/devices");
    let refused = shop.kit.post(&path, &stranger, recipient(&key(Curve::X25519))).await;
    assert_eq!(refused.problem().0, 404);
    let mine = shop.licence().await;
    let device = bought["device"]["id"].as_str().unwrap();
    assert_eq!(
        shop.bundle(&mine, &format!("?device={device}")).await.problem().0,
        404,
        "a device of another licence"
    );
}

#[tokio::test]
async fn what_is_not_paid_is_not_wrapped_and_is_there_once_it_is() {
    let shop = Shop::open(json!({"price": {"amount": "900", "currency": "EUR"}})).await;
    let laptop = key(Curve::Secp256k1);
    let body =
        json!({"listing": PLUGIN, "payment": {"method": "marked_paid"}, "recipient": recipient(&laptop)});
    let pending = shop.kit.post("/api/v1/purchases", &shop.buyer, body).await.json();
    assert_eq!((&pending["licence"], &pending["envelope"]), (&Value::Null, &Value::Null));
    let purchase = format!("/api/v1/purchases/{}", pending["purchase"]["id"].as_str().unwrap());
    let paid = shop.kit.post(&format!("{purchase}/mark-paid"), &shop.seller, json!({})).await.json();
    assert_eq!(paid["envelope"], Value::Null, "the seller is given no envelope");
    let shown = shop.kit.get(&purchase, &shop.buyer).await.json();
    let licence = shown["licence"]["id"].as_str().unwrap();
    let device = shown["device"]["id"].as_str().unwrap();
    let bundle = shop.bundle(licence, &format!("?device={device}")).await.json();
    assert_eq!(shop.open_bundle(&bundle, &laptop).await, wasm("1.0.0"));
    let again = shop.kit.post(&format!("{purchase}/mark-paid"), &shop.seller, json!({})).await.json();
    assert_eq!(again["licence"]["devices"].as_array().unwrap().len(), 1, "said twice, counted once");
}

#[tokio::test]
async fn a_repeated_request_is_answered_as_the_first_one() {
    let shop = Shop::open(json!({})).await;
    let licence = shop.licence().await;
    let body = recipient(&key(Curve::P384));
    let send = |body: Value| {
        let request = Request::post(format!("/api/v1/licences/{licence}/devices"))
            .header(header::AUTHORIZATION, format!("Bearer {}", shop.buyer))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", "k-1")
            .body(Body::from(body.to_string()))
            .unwrap();
        shop.kit.send(request)
    };
    let first = send(body.clone()).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text());
    assert_eq!(send(body).await.body, first.body);
    let other = send(recipient(&key(Curve::P384))).await;
    assert_eq!(other.problem(), (422, "idempotency_key_reused".to_owned()));
}

#[tokio::test]
async fn plugins_are_not_printed_and_prints_have_no_devices() {
    let shop = Shop::open(json!({})).await;
    let printer = shop.kit.printer(&shop.buyer, true).await;
    let licence = shop.licence().await;
    let body = json!({"licence": licence, "printer": printer.id});
    assert_eq!(
        shop.kit.post("/api/v1/jobs", &shop.buyer, body).await.problem(),
        (422, "not_printable".to_owned())
    );
    let body = json!({"model_id": PLUGIN});
    let documented = shop.kit.post("/api/purchase-model", &shop.buyer, body).await;
    assert_eq!(documented.problem(), (422, "not_printable".to_owned()));

    let part = shop.kit.bought(&shop.seller, &shop.buyer, json!({})).await;
    let shown = shop.kit.licence(&shop.buyer, &part).await;
    assert_eq!((&shown["kind"], shown.get("devices")), (&json!("gcode"), None));
    let no_devices = (422, "no_devices".to_owned());
    assert_eq!(shop.add(&part, recipient(&key(Curve::P256))).await.problem(), no_devices);
    assert_eq!(shop.bundle(&part, "").await.problem(), no_devices);
    let listing = shown["listing"].as_str().unwrap();
    let body =
        json!({"listing": listing, "payment": {"method": "free"}, "recipient": recipient(&key(Curve::P256))});
    assert_eq!(shop.kit.post("/api/v1/purchases", &shop.buyer, body).await.problem(), no_devices);
    let release =
        shop.kit.get(&format!("/api/v1/listings/{listing}"), "").await.json()["releases"][0]["id"].clone();
    let blob = format!("/api/v1/releases/{}/blob", release.as_str().unwrap());
    assert_eq!(shop.kit.get(&blob, "").await.problem().0, 404, "blobs of prints are for printers");
}

#[tokio::test]
async fn a_sealed_blob_comes_in_parts_to_anybody() {
    let shop = Shop::open(json!({})).await;
    let release = shop.publish("2.0.0").await;
    let path = format!("/api/v1/releases/{}/blob", release["id"].as_str().unwrap());
    let whole = shop.kit.get(&path, "").await;
    assert_eq!(whole.headers["cache-control"], "public, max-age=31536000, immutable, no-transform");
    let by_cid = format!("/ipfs/{}", release["cid"].as_str().unwrap());
    assert_eq!(shop.kit.get(&by_cid, "").await.body, whole.body);
    let ask = |path: &str, name: &str, value: &str| {
        let request = Request::get(path).header(name, value).header("origin", "https://elsewhere.example");
        shop.kit.send(request.body(Body::empty()).unwrap())
    };
    for path in [&path, &by_cid] {
        let part = ask(path, "range", "bytes=4-").await;
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.body, whole.body[4..]);
        assert_eq!(part.headers["access-control-allow-origin"], "*");
        let etag = whole.headers["etag"].to_str().unwrap();
        assert_eq!(ask(path, "if-none-match", etag).await.status, StatusCode::NOT_MODIFIED);
        assert_eq!(
            ask(path, "range", "bytes=99999-").await.problem(),
            (416, "range_not_satisfiable".to_owned())
        );
    }
    assert_eq!(shop.kit.get("/ipfs/bafynothing", "").await.problem().0, 404);
}

#[tokio::test]
async fn pages_elsewhere_may_buy_and_may_not_register_printers() {
    let shop = Shop::open(json!({})).await;
    let ask = |path: &'static str, method: &'static str| {
        let request = Request::builder()
            .method(Method::OPTIONS)
            .uri(path)
            .header("origin", "https://elsewhere.example")
            .header("access-control-request-method", method)
            .header("access-control-request-headers", "authorization,content-type,idempotency-key");
        shop.kit.send(request.body(Body::empty()).unwrap())
    };
    for (path, method) in [
        ("/api/v1/listings", "GET"),
        ("/api/v1/purchases", "POST"),
        ("/api/v1/licences/lic_1/devices", "POST"),
        ("/api/marketplace/purchase", "POST"),
        ("/auth/login", "POST"),
    ] {
        let answer = ask(path, method).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.status);
        assert_eq!(answer.headers["access-control-allow-origin"], "*", "{path}");
        assert!(!answer.headers.contains_key("access-control-allow-credentials"));
        assert!(answer.headers["access-control-allow-headers"].to_str().unwrap().contains("idempotency-key"));
    }
    for path in ["/api/register-printer", "/api/v1/jobs"] {
        assert!(!ask(path, "POST").await.headers.contains_key("access-control-allow-origin"), "{path}");
    }
    let refused = Request::get("/api/v1/licences").header("origin", "https://elsewhere.example");
    let refused = shop.kit.send(refused.body(Body::empty()).unwrap()).await;
    assert_eq!(refused.headers["access-control-allow-origin"], "*", "pages can read why");
    assert_eq!(refused.problem().0, 401);
}

#[tokio::test]
async fn a_signed_release_is_vouched_for_by_the_key_that_was_recorded_when_it_was_bought() {
    for signs_cid in [false, true] {
        let kit = Kit::new().await;
        let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
        let publisher = plugin_kit::signing_key();
        let listing = kit.plugin(&seller, Some(&publisher)).await;
        let (blob, told) = plugin_kit::sealed(&kit, plugin_kit::WASM, ContentCipher::Aes256Gcm).await;
        let cid = signs_cid.then(|| plugin_kit::cid_of(&blob));
        let signature = plugin_kit::sign(&plugin_kit::statement(&publisher, cid.as_deref()), &publisher);
        let mut more = json!({"sealed": told, "signature": signature});
        if let Some(cid) = &cid {
            more["cid"] = json!(cid);
        }
        plugin_kit::created(&kit.publish_plugin(&seller, more, &blob).await);

        let laptop = key(Curve::P384);
        let body =
            json!({"listing": listing, "payment": {"method": "free"}, "recipient": recipient(&laptop)});
        let bought = kit.post("/api/v1/purchases", &buyer, body).await.json();
        assert_eq!(bought["cid"], plugin_kit::cid_of(&blob), "named, signed or not");
        let licence = &bought["licence"];
        assert_eq!(licence["publisher_key"], plugin_kit::public(&publisher));
        let path = format!("/api/v1/licences/{}/bundle", licence["id"].as_str().unwrap());
        let bundle = kit.get(&path, &buyer).await.json();
        assert_eq!(bundle.get("cid").is_some(), signs_cid, "in the bundle where it is signed");
        let mut read = Bundle::from_json(bundle.to_string().as_bytes()).unwrap();
        read.encrypted_data = Some(blob);
        let verified = read.verify(Trust::Publisher(&publisher.verifying_key())).unwrap();
        assert_eq!(*verified.open_with_buyer_key(&laptop).unwrap(), plugin_kit::WASM);

        let other = json!({"publisher_key": plugin_kit::public(&plugin_kit::signing_key())});
        let path = format!("/api/v1/listings/{listing}");
        assert_eq!(kit.call(Method::PATCH, &path, &seller, Some(other)).await.status, StatusCode::OK);
        let now = kit.licence(&buyer, licence["id"].as_str().unwrap()).await;
        assert_eq!(now["publisher_key"], licence["publisher_key"], "the one of then");
    }
}

#[tokio::test]
async fn a_seller_sees_what_was_sold_and_nothing_that_only_the_buyer_needs() {
    let shop = Shop::open(json!({})).await;
    let mut wanted = recipient(&key(Curve::X25519));
    (wanted["index"], wanted["name"]) = (json!(3), json!("laptop"));
    let first = shop.buy(Some(wanted)).await.json();
    shop.kit.pass_s(1);
    let second = shop.licence().await;
    let path = format!("/api/v1/licences?listing={PLUGIN}");
    let sold = shop.kit.get(&format!("{path}&limit=1"), &shop.seller).await.json();
    assert_eq!(sold["licences"][0]["id"], second.as_str());
    let next = format!("{path}&after={}", sold["next"].as_str().unwrap());
    let sold = shop.kit.get(&next, &shop.seller).await;
    assert_eq!(sold.json()["licences"][0]["id"], first["licence"]["id"]);
    assert!(sold.json()["licences"][0]["holder"].is_string());
    assert_eq!(sold.json()["licences"][0]["devices"][0]["public_key"], first["device"]["public_key"]);
    assert!(!sold.text().contains("laptop") && !sold.text().contains("index"), "{}", sold.text());
    assert_eq!(shop.kit.get(&path, &shop.buyer).await.problem(), (403, "not_your_listing".to_owned()));
    assert_eq!(shop.kit.get("/api/v1/licences", &shop.seller).await.json()["licences"], json!([]));
}
