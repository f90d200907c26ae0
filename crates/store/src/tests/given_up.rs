//! Blobs whose writers do not know what became of them: they are there if and only if somebody has them.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt, poll};
use sea_orm::{DbBackend, EntityTrait};
use serde_json::json;
use tokio::sync::Notify;

use super::kit::{GCODE, Kit, form, until};
use crate::blobs::pending;
use crate::fault::Fault;
use crate::publish::Unowned;
use crate::schema::{pending_blob, release};

async fn announced(kit: &Kit, name: &str) -> Unowned {
    let blob = Unowned::announce(&kit.store.state, name.to_owned()).await.unwrap();
    let path = kit.store.state.config.blob_path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, b"sealed").unwrap();
    blob
}

fn files(kit: &Kit) -> BTreeSet<String> {
    let folder = format!("{}/", kit.store.state.config.blob_path().display());
    kit.blobs().iter().map(|path| path.strip_prefix(&folder).unwrap().to_owned()).collect()
}

/// What was given up before this was looked at already.
async fn is_gone(kit: &Kit, name: &str) {
    until(async || !files(kit).contains(name)).await;
}

#[tokio::test]
async fn a_blob_with_an_owner_stays_though_its_writer_never_heard_so() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    kit.bought(&seller, &buyer, json!({})).await;
    let state = &kit.store.state;
    let name = release::Entity::find().one(state.db.read()).await.unwrap().unwrap().blob;
    // As when the connection to the database breaks before it says that it committed.
    let (sold, failed) = (announced(&kit, &name).await, announced(&kit, "releases/r_failed").await);
    let adopting = name.clone();
    let adopted: Result<(), Fault> = state
        .db
        .write(move |tx| {
            let name = adopting.clone();
            Box::pin(async move { pending::adopt(tx, &name).await })
        })
        .await;
    adopted.unwrap();
    drop(sold);
    drop(failed);
    is_gone(&kit, "releases/r_failed").await;
    assert_eq!(files(&kit), [name].into());
}

#[tokio::test]
async fn a_publisher_who_hangs_up_while_a_version_is_saved_leaves_all_of_it() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let listing = kit.listing(&seller, json!({})).await;
    let state = kit.store.state.clone();
    let other = announced(&kit, "releases/r_other").await;
    let (sender, body) = futures::channel::mpsc::unbounded::<Bytes>();
    let upload = form(&json!({"listing": listing, "version": "1.0.0"}), GCODE);
    let (first, last) = upload.split_at(upload.len() - 20);
    sender.unbounded_send(Bytes::copy_from_slice(first)).unwrap();
    let mut publishing =
        Box::pin(kit.publish_body(&seller, Body::from_stream(body.map(Ok::<_, Infallible>))));
    until(async || {
        assert!(poll!(&mut publishing).is_pending());
        pending_blob::Entity::find().all(state.db.read()).await.unwrap().len() >= 2
    })
    .await;
    // Nothing is written until the publisher is gone.
    let (held, open) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let gate = (held.clone(), open.clone());
    let db = state.db.clone();
    let holding = tokio::spawn(async move {
        db.write(move |_| {
            let (held, open) = gate.clone();
            Box::pin(async move {
                held.notify_one();
                open.notified().await;
                Ok::<_, Fault>(())
            })
        })
        .await
    });
    held.notified().await;
    let uploads = state.uploads.available_permits();
    sender.unbounded_send(Bytes::copy_from_slice(last)).unwrap();
    drop(sender);
    // The place is given back right before the version is saved.
    until(async || {
        assert!(poll!(&mut publishing).is_pending());
        state.uploads.available_permits() != uploads
    })
    .await;
    drop(publishing);
    drop(other);
    open.notify_one();
    holding.await.unwrap().unwrap();
    is_gone(&kit, "releases/r_other").await;
    let blobs = async || {
        let rows = release::Entity::find().all(state.db.read()).await.unwrap();
        rows.into_iter().map(|row| row.blob).collect::<BTreeSet<_>>()
    };
    until(async || files(&kit) == blobs().await).await;
    // On PostgreSQL, giving up may come before saving: then there is nothing of it.
    if state.db.backend() == DbBackend::Sqlite {
        assert_eq!(blobs().await.len(), 1);
    }
}
