//! Plugins are published once, also when many send them at once, and are there after a restart.

use anyhow::Result;
use futures::future::join_all;
use reqwest::{Method, Response, StatusCode, multipart};
use sealpost_api::catalogue::{Listing, ListingPage, NewListing, NewRelease, PluginTerms, Release};
use sealpost_envelope::release::Release as Statement;
use sealpost_envelope::{ContentCipher, SigningKey, digest};
use sealpost_tests::person::{Person, expect, problem};
use sealpost_tests::service::free_port;
use sealpost_tests::store::{self, Store};
use serde_json::{Map, json};

use crate::Backend;

crate::on_both_databases!(
    a_plugin_id_is_taken_once_however_many_want_it,
    a_version_is_there_once_however_often_it_is_sent,
    a_signed_plugin_is_the_same_after_a_restart,
);

const WASM: &[u8] = b"\0asm\x01\0\0\0";
const PLUGIN: &str = "org.example.Viewer";

async fn a_plugin_id_is_taken_once_however_many_want_it(backend: Backend) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let store = Store::start(folder.path(), &backend.options()?)?;
    let people = [store.operator().await?, store.person("other").await?];
    let new = listing(None);
    let answers = join_all((0..16).map(|n| people[n % people.len()].post("/api/v1/listings", &new))).await;
    let mut made = 0;
    for answer in answers {
        let answer = answer?;
        if answer.status() == StatusCode::CREATED {
            made += 1;
            continue;
        }
        let problem = problem(answer).await?;
        assert_eq!((problem.status, problem.code.as_str()), (409, "plugin_id_taken"));
    }
    assert_eq!(made, 1);
    let page: ListingPage = people[0].get("/api/v1/listings?kind=plugin").await?;
    assert_eq!(page.listings.len(), 1);
    Ok(())
}

async fn a_version_is_there_once_however_often_it_is_sent(backend: Backend) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let store = Store::start(folder.path(), &backend.options()?)?;
    let seller = store.operator().await?;
    seller.offer(&listing(None)).await?;
    let new = NewRelease { listing: PLUGIN.into(), version: "1.0.0".into(), ..NewRelease::default() };
    let mut made = 0;
    for answer in join_all((0..12).map(|_| publish(&seller, &new))).await {
        let answer = answer?;
        if answer.status() == StatusCode::CREATED {
            made += 1;
            continue;
        }
        let problem = problem(answer).await?;
        assert_eq!((problem.status, problem.code.as_str()), (409, "version_taken"));
    }
    assert_eq!(made, 1);
    let listing: Listing = seller.get(&format!("/api/v1/listings/{PLUGIN}")).await?;
    assert_eq!(listing.releases.len(), 1);
    Ok(())
}

async fn a_signed_plugin_is_the_same_after_a_restart(backend: Backend) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let options = store::Options { port: Some(free_port()?), ..backend.options()? };
    let store = Store::start(folder.path(), &options)?;
    let seller = store.operator().await?;
    let key = SigningKey::from_bytes(&[7; 32]);
    seller.offer(&listing(Some(&key))).await?;
    let manifest = Map::from_iter([("name".into(), json!("Viewer")), ("ratio".into(), json!(0.1))]);
    let statement = Statement {
        publisher: key.verifying_key().to_bytes(),
        listing: PLUGIN.into(),
        version: "1.0.0".into(),
        cid: None,
        plain_sha256: digest::sha256(WASM),
        cipher: ContentCipher::Aes256Gcm,
        manifest: manifest.clone(),
    };
    let new = NewRelease {
        listing: PLUGIN.into(),
        version: "1.0.0".into(),
        manifest: Some(manifest),
        signature: Some(hex::encode(statement.sign(&key)?)),
        ..NewRelease::default()
    };
    let release: Release = expect(publish(&seller, &new).await?).await?.json().await?;
    let yanked = seller.request(Method::PATCH, &format!("/api/v1/releases/{}", release.id));
    expect(yanked.json(&json!({"state": "yanked"})).send().await?).await?;
    drop(store);

    let _store = Store::start(folder.path(), &options)?;
    let kept: Release = seller.get(&format!("/api/v1/releases/{}", release.id)).await?;
    assert_eq!(kept, Release { state: "yanked".into(), ..release });
    assert_eq!(kept.signature, new.signature);
    assert_eq!(kept.manifest, new.manifest);
    Ok(())
}

fn listing(key: Option<&SigningKey>) -> NewListing {
    let plugin = PluginTerms {
        plugin_id: PLUGIN.into(),
        devices: 2,
        publisher_key: key.map(|key| hex::encode(key.verifying_key().to_bytes())),
    };
    NewListing {
        title: "Viewer".into(),
        kind: Some("plugin".into()),
        plugin: Some(plugin),
        ..NewListing::default()
    }
}

async fn publish(seller: &Person, new: &NewRelease) -> Result<Response> {
    let about = multipart::Part::text(serde_json::to_string(new)?).mime_str("application/json")?;
    let file = multipart::Part::bytes(WASM).file_name("viewer.wasm");
    let form = multipart::Form::new().part("release", about).part("file", file);
    Ok(seller.request(Method::POST, "/api/v1/releases").multipart(form).send().await?)
}
