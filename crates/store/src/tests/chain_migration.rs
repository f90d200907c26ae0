//! A store from before it could sell on chain.

use sea_orm::{ConnectionTrait, EntityTrait};
use sealpost_database::{Database, Tx};
use sealpost_market::chain::item_id;

use crate::migrations;
use crate::schema::{licence, release};

const OLD: [&str; 5] = [
    "INSERT INTO listings (id, publisher, publisher_name, kind, state, title, description, terms, created_at, row_version, plugin_id) \
     VALUES ('l_1', 'a_1', 'sel', 'plugin', 'listed', 'Viewer', '', '{}', 1, 1, 'org.example.viewer')",
    "INSERT INTO listings (id, publisher, publisher_name, kind, state, title, description, terms, created_at, row_version) \
     VALUES ('l_2', 'a_1', 'sel', 'gcode', 'listed', 'Benchy', '', '{}', 1, 1)",
    "INSERT INTO releases (id, listing, version, state, cipher, blob, blob_size, blob_sha256, plain_size, plain_sha256, preview, created_at) \
     VALUES ('r_1', 'l_1', '1.0.0', 'active', 'aes-256-gcm', 'b', 1, 'x', 1, 'y', 'null', 1)",
    "INSERT INTO releases (id, listing, version, state, cipher, blob, blob_size, blob_sha256, plain_size, plain_sha256, preview, created_at) \
     VALUES ('r_2', 'l_2', '2.1.0', 'yanked', 'age', 'b', 1, 'x', 1, 'y', 'null', 1)",
    "INSERT INTO licences (id, listing, purchase, holder, allowed, used, reserved, state, free_retries, free_retries_used, keys_released, created_at, row_version) \
     VALUES ('lic_1', 'l_1', 'pu_1', 'a_2', 1, 0, 0, 'active', 1, 0, 0, 1, 1)",
];

#[tokio::test]
async fn releases_of_before_get_their_names_on_chain_and_licences_stay_good() {
    let folder = tempfile::tempdir().unwrap();
    let url = match super::kit::postgres().await {
        Some(url) => url,
        None => format!("sqlite:{}", folder.path().join("store.sqlite").display()),
    };
    let db = Database::connect(&url).await.unwrap();
    let mut before = migrations::all();
    before.retain(|migration| migration.name() != "m0004_chain");
    assert_eq!(before.len() + 1, migrations::all().len());
    db.migrate(before).await.unwrap();
    let written: Result<(), sea_orm::DbErr> = db
        .write(|tx: &Tx| {
            Box::pin(async move {
                for statement in OLD {
                    tx.execute_unprepared(statement).await?;
                }
                Ok(())
            })
        })
        .await;
    written.unwrap();
    db.migrate(migrations::all()).await.unwrap();
    for (id, text) in [("r_1", "org.example.viewer@1.0.0"), ("r_2", "l_2@2.1.0")] {
        let row = release::Entity::find_by_id(id).one(db.read()).await.unwrap().unwrap();
        assert_eq!(row.item, Some(item_id(text).to_string()));
    }
    let row = licence::Entity::find_by_id("lic_1").one(db.read()).await.unwrap().unwrap();
    assert_eq!(row.to_market().unwrap().shown_state().as_str(), "active");
}
