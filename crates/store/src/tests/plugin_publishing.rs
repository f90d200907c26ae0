//! Plugins on their way into the store.

use futures::TryStreamExt;
use sealpost_accounts::audit;
use sealpost_envelope::{ContentCipher, Opener, SigningKey, digest};
use sealpost_market::Version;
use serde_json::{Value, json};

use super::kit::{GCODE, Kit, form};
use super::plugin_kit::{
    PLUGIN, WASM, cid_of, created, manifest, public, sealed, sign, signing_key, statement,
};
use super::publishing::nothing_is_left;
use crate::schema::release;
use crate::vault;

#[tokio::test]
async fn a_plugin_is_sealed_once_and_named_by_its_cid() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let listing = kit.plugin(&seller, None).await;
    let published = created(&kit.publish_plugin(&seller, json!({}), WASM).await);
    assert_eq!(published["listing"], listing.as_str());
    assert_eq!(published["cipher"], "aes-256-gcm");
    assert_eq!(published["plain_sha256"], digest::sha256_hex(WASM));
    assert_eq!(published["plain_size"], WASM.len());
    assert_eq!(published["manifest"], manifest());
    for absent in ["preview", "signature", "publisher_key"] {
        assert_eq!(published.get(absent), None, "{absent}");
    }
    let (row, blob) = stored(&kit, &published).await;
    assert_eq!(published["cid"], cid_of(&blob));
    assert_eq!(published["blob_sha256"], digest::sha256_hex(&blob));
    assert!(!row.signed_cid);
    let dek = vault::open(&kit.store.state, kit.store.state.db.read(), &row.id).await.unwrap();
    let mut plain = Vec::new();
    let mut opener = Opener::new(ContentCipher::Aes256Gcm, &dek, None, blob.as_slice()).unwrap();
    std::io::Read::read_to_end(&mut opener, &mut plain).unwrap();
    assert_eq!(plain, WASM);
    for file in kit.blobs() {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(9).any(|window| window == b"WASM-MARK"), "{file}");
    }
    let shown = kit.get(&format!("/api/v1/listings/{PLUGIN}"), "").await.json();
    assert_eq!(shown["releases"], json!([published]));
}

#[tokio::test]
async fn a_plugin_sealed_by_its_publisher_is_kept_as_it_came() {
    let kit = Kit::new().await;
    let (seller, key) = (kit.person("sel").await, signing_key());
    kit.plugin(&seller, Some(&key)).await;
    let (blob, told) = sealed(&kit, WASM, ContentCipher::Aes256Gcm).await;
    let cid = cid_of(&blob);
    let signature = sign(&statement(&key, Some(&cid)), &key);
    let more = json!({"sealed": told, "cid": cid, "signature": signature});
    let published = created(&kit.publish_plugin(&seller, more, &blob).await);
    assert_eq!(published["cid"], cid);
    assert_eq!(published["signature"], signature);
    assert_eq!(published["publisher_key"], public(&key));
    let (row, kept) = stored(&kit, &published).await;
    assert_eq!(kept, blob);
    assert!(row.signed_cid);
}

#[tokio::test]
async fn what_does_not_belong_together_is_refused_and_leaves_nothing() {
    let kit = Kit::new().await;
    let (seller, key) = (kit.person("sel").await, signing_key());
    kit.plugin(&seller, Some(&key)).await;
    let (blob, told) = sealed(&kit, WASM, ContentCipher::Aes256Gcm).await;
    let (age, told_age) = sealed(&kit, WASM, ContentCipher::Age).await;
    let (gcode, told_gcode) = sealed(&kit, GCODE, ContentCipher::Aes256Gcm).await;
    let signature = sign(&statement(&key, None), &key);
    let other_cid = cid_of(b"another blob");
    let over_other_cid = sign(&statement(&key, Some(&other_cid)), &key);
    let over_gcode = {
        let statement = sealpost_envelope::release::Release {
            plain_sha256: digest::sha256(GCODE),
            ..statement(&key, None)
        };
        sign(&statement, &key)
    };
    let base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &blob);
    let mut damaged = blob.clone();
    damaged[20] ^= 1;
    let mut with_iv = told.clone();
    with_iv["iv"] = "00".repeat(16).into();
    let mut of_another_size = told.clone();
    of_another_size["plain_size"] = 7.into();
    for (more, file, code) in [
        (json!({"sealed": told, "signature": over_other_cid, "cid": other_cid}), &blob[..], "cid_mismatch"),
        (json!({"sealed": told, "signature": signature}), base64.as_bytes(), "blob_format"),
        (json!({"sealed": told, "signature": signature}), &damaged, "blob_corrupt"),
        (json!({"sealed": told_age, "signature": signature}), &age, "invalid"),
        (json!({"sealed": with_iv, "signature": signature}), &blob, "invalid"),
        (json!({"sealed": of_another_size, "signature": signature}), &blob, "plain_mismatch"),
        (json!({"sealed": told_gcode, "signature": over_gcode}), &gcode, "not_wasm"),
        (json!({"signature": signature, "cid": cid_of(&blob)}), WASM, "invalid"),
    ] {
        let answer = kit.publish_plugin(&seller, more, file).await;
        assert_eq!(answer.problem(), (422, code.to_owned()), "{}", answer.text());
    }
    nothing_is_left(&kit).await;
}

#[tokio::test]
async fn a_release_is_signed_by_the_listings_key_and_no_other() {
    let kit = Kit::new().await;
    let (seller, key, other) = (kit.person("sel").await, signing_key(), signing_key());
    kit.plugin(&seller, Some(&key)).await;
    let signed = |signature: String| json!({"signature": signature});
    let good = statement(&key, None);
    let mut of_another_file = good.clone();
    of_another_file.plain_sha256[0] ^= 1;
    let mut of_another_manifest = good.clone();
    of_another_manifest.manifest.insert("permissions".into(), json!([]));
    let mut of_another_plugin = good.clone();
    of_another_plugin.listing = "org.example.other".into();
    let mut of_another_version = good.clone();
    of_another_version.version = "1.0.1".into();
    for (signature, code) in [
        (sign(&of_another_file, &key), "release_bad_signature"),
        (sign(&of_another_manifest, &key), "release_bad_signature"),
        (sign(&of_another_plugin, &key), "release_bad_signature"),
        (sign(&of_another_version, &key), "release_bad_signature"),
        (sign(&statement(&other, None), &other), "release_bad_signature"),
        (sign(&statement(&key, Some("bafkrei")), &key), "release_bad_signature"),
        ("00".repeat(64), "release_bad_signature"),
        ("00".repeat(63), "invalid"),
        ("not hex".into(), "invalid"),
    ] {
        let answer = kit.publish_plugin(&seller, signed(signature), WASM).await;
        assert_eq!(answer.problem(), (422, code.to_owned()), "{}", answer.text());
        assert!(!answer.json()["hint"].as_str().unwrap().is_empty());
    }
    let answer = kit.publish_plugin(&seller, json!({}), WASM).await;
    assert_eq!(answer.problem(), (422, "release_unsigned".to_owned()));
    let short = json!({"version": "1.0", "signature": sign(&good, &key)});
    assert_eq!(kit.publish_plugin(&seller, short, WASM).await.problem(), (422, "invalid".to_owned()));
    nothing_is_left(&kit).await;
    created(&kit.publish_plugin(&seller, signed(sign(&good, &key)), WASM).await);
}

#[tokio::test]
async fn a_signature_that_nobody_could_check_is_refused() {
    let kit = Kit::new().await;
    let (seller, key) = (kit.person("sel").await, signing_key());
    kit.plugin(&seller, None).await;
    let signed = json!({"signature": sign(&statement(&key, None), &key)});
    let answer = kit.publish_plugin(&seller, signed.clone(), WASM).await;
    assert_eq!(answer.problem(), (422, "no_publisher_key".to_owned()));
    change_key(&kit, &seller, &key).await;
    created(&kit.publish_plugin(&seller, signed, WASM).await);
}

#[tokio::test]
async fn after_a_change_of_key_the_new_one_signs() {
    let kit = Kit::new().await;
    let (seller, old, new) = (kit.person("sel").await, signing_key(), signing_key());
    kit.plugin(&seller, Some(&old)).await;
    change_key(&kit, &seller, &new).await;
    let signed = |key: &SigningKey| json!({"signature": sign(&statement(key, None), key)});
    let refused = kit.publish_plugin(&seller, signed(&old), WASM).await;
    assert_eq!(refused.problem(), (422, "release_bad_signature".to_owned()));
    let published = created(&kit.publish_plugin(&seller, signed(&new), WASM).await);
    assert_eq!(published["publisher_key"], public(&new));
}

#[tokio::test]
async fn manifests_that_cannot_be_signed_or_meant_are_refused() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    kit.plugin(&seller, None).await;
    for (manifest, code) in [
        (json!([1]), "bad_request"),
        (json!("name"), "bad_request"),
        (json!({"big": 9_007_199_254_740_993_u64}), "release_number"),
        (json!({"deep": [{"big": -9_007_199_254_740_993_i64}]}), "release_number"),
        (json!({"version": "2.0.0"}), "manifest_version"),
        (json!({"text": "x".repeat(70_000)}), "body_too_large"),
    ] {
        let answer = kit.publish_plugin(&seller, json!({"manifest": manifest}), WASM).await;
        assert_eq!(answer.problem().1, code, "{}", answer.text());
    }
    nothing_is_left(&kit).await;
    for (version, manifest) in [
        ("1.0.0", json!({"version": "1.0"})),
        ("1.0.1", json!({"version": 7, "max": 9_007_199_254_740_991_u64})),
        ("1.0.2", Value::Null),
        ("1.0.3", json!({"nul": "\0"})),
    ] {
        let more = json!({"version": version, "manifest": manifest});
        let published = created(&kit.publish_plugin(&seller, more, WASM).await);
        let expected = if manifest.is_null() { json!({}) } else { manifest };
        assert_eq!(published["manifest"], expected);
    }
}

#[tokio::test]
async fn each_kind_of_listing_takes_its_kind_of_file() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    kit.plugin(&seller, None).await;
    for (file, code) in [
        (GCODE, "not_wasm"),
        (b"(module)", "not_wasm"),
        (b"", "not_wasm"),
        (b"\0asm", "not_wasm"),
        (b"PK\x03\x04 a zip archive", "not_wasm"),
        (b"\0asm\x0d\0\x01\0 a component", "wasm_component"),
        (b"\0asm\x02\0\0\0 what is to come", "wasm_version"),
    ] {
        let answer = kit.publish_plugin(&seller, json!({}), file).await;
        assert_eq!(answer.problem(), (422, code.to_owned()), "{}", answer.text());
        assert!(!answer.json()["hint"].as_str().unwrap().is_empty());
    }
    let gcode = kit.listing(&seller, json!({})).await;
    let answer = kit.publish(&seller, json!({"listing": gcode, "version": "1"}), WASM).await;
    assert_eq!(answer.problem(), (422, "wasm_for_gcode".to_owned()));
    for field in ["manifest", "signature", "cid"] {
        let mut release = json!({"listing": gcode, "version": "1"});
        release[field] = if field == "manifest" { json!({}) } else { json!("00") };
        let answer = kit.publish(&seller, release, GCODE).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()));
        assert!(answer.json()["detail"].as_str().unwrap().contains(field), "{}", answer.text());
    }
    nothing_is_left(&kit).await;
}

#[tokio::test]
async fn a_plugin_over_either_limit_is_refused() {
    let kit = Kit::with(|config| config.max_upload_bytes = 1000).await;
    let seller = kit.person("sel").await;
    kit.plugin(&seller, None).await;
    let answer = kit.publish_plugin(&seller, json!({}), &[WASM, &[0; 1000]].concat()).await;
    assert_eq!(answer.problem(), (413, "file_too_large".to_owned()));
    assert!(answer.text().contains("max_upload_bytes"));
    nothing_is_left(&kit).await;

    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    kit.plugin(&seller, None).await;
    let answer = kit.publish_plugin(&seller, json!({}), &[WASM, &vec![0; 64 << 20]].concat()).await;
    assert_eq!(answer.problem(), (413, "file_too_large".to_owned()));
    assert!(!answer.text().contains("max_upload_bytes"), "{}", answer.text());
    nothing_is_left(&kit).await;
}

#[tokio::test]
async fn a_version_of_a_plugin_is_there_once_under_either_name() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let listing = kit.plugin(&seller, None).await;
    created(&kit.publish_plugin(&seller, json!({}), WASM).await);
    for name in [PLUGIN, &listing] {
        let answer = kit.publish_plugin(&seller, json!({"listing": name}), WASM).await;
        assert_eq!(answer.problem(), (409, "version_taken".to_owned()));
    }
    let other = kit.person("other").await;
    let foreign = kit.publish_plugin(&other, json!({"version": "2.0.0", "manifest": {}}), WASM).await;
    assert_eq!(foreign.problem(), (403, "not_your_listing".to_owned()));
    let next = json!({"listing": listing, "version": "2.0.0", "manifest": {}});
    created(&kit.publish_plugin(&seller, next, WASM).await);
}

#[tokio::test]
async fn the_same_request_publishes_once() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    kit.plugin(&seller, None).await;
    let send = || async {
        let body = form(&json!({"listing": PLUGIN, "version": "1.0.0", "manifest": manifest()}), WASM);
        let request = http::Request::builder()
            .method("POST")
            .uri("/api/v1/releases")
            .header("authorization", format!("Bearer {seller}"))
            .header("content-type", "multipart/form-data; boundary=cut")
            .header("idempotency-key", "one")
            .body(body.into())
            .unwrap();
        created(&kit.send(request).await)
    };
    assert_eq!(send().await, send().await);
    assert_eq!(kit.blobs().len(), 1);
}

#[tokio::test]
async fn a_release_is_taken_back_and_given_again_by_its_publisher() {
    let kit = Kit::new().await;
    let (seller, other) = (kit.person("sel").await, kit.person("other").await);
    kit.plugin(&seller, None).await;
    let id = created(&kit.publish_plugin(&seller, json!({}), WASM).await)["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/releases/{id}");
    let patch = async |token: &str, state: &str| {
        kit.call(http::Method::PATCH, &path, token, Some(json!({"state": state}))).await
    };
    assert_eq!(patch("", "yanked").await.problem().0, 401);
    assert_eq!(patch(&other, "yanked").await.problem(), (403, "not_your_listing".to_owned()));
    assert_eq!(patch(&seller, "gone").await.problem(), (422, "invalid".to_owned()));
    for state in ["yanked", "yanked", "active", "active"] {
        assert_eq!(patch(&seller, state).await.string("state"), state);
        assert_eq!(kit.get(&path, "").await.string("state"), state);
        let shown = kit.get(&format!("/api/v1/listings/{PLUGIN}"), "").await.json();
        assert_eq!(shown["releases"][0]["state"], state);
    }
    assert_eq!(kit.post(&format!("{path}/yank"), &seller, json!({})).await.string("state"), "yanked");
    let log = audit::about(&kit.store.state.db, &format!("release:{id}"), 0, 100).await.unwrap();
    let actions: Vec<_> = log.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(
        actions,
        ["release.published", "release_state_changed", "release_state_changed", "release_state_changed"]
    );
    let missing =
        kit.call(http::Method::PATCH, "/api/v1/releases/r_none", &seller, Some(json!({"state": "active"})));
    assert_eq!(missing.await.problem(), (404, "not_found".to_owned()));
}

async fn change_key(kit: &Kit, seller: &str, key: &SigningKey) {
    let path = format!("/api/v1/listings/{PLUGIN}");
    let body = json!({"publisher_key": public(key)});
    let changed = kit.call(http::Method::PATCH, &path, seller, Some(body)).await;
    assert_eq!(changed.json()["plugin"]["publisher_key"], public(key), "{}", changed.text());
}

/// The row of a release and its blob.
async fn stored(kit: &Kit, published: &Value) -> (release::Model, Vec<u8>) {
    use sea_orm::EntityTrait;
    let id = published["id"].as_str().unwrap();
    let row = release::Entity::find_by_id(id).one(kit.store.state.db.read()).await.unwrap().unwrap();
    assert!(row.version.parse::<Version>().is_ok());
    let pieces = kit.store.state.blobs.read(&row.blob, 0..row.blob_size.unsigned_abs()).await.unwrap();
    let blob = pieces.try_collect::<Vec<_>>().await.unwrap().concat();
    (row, blob)
}
