//! Restores beside others: stores that run, and other restores.

use std::io::{Cursor, Read};

use sea_orm::ConnectionTrait;
use sealpost_database::{Database, Hold, Use};

use super::backup::{Place, backed_up};
use super::kit::{Kit, START_S, claims};
use crate::backup::{BackupError, Opened, restore};
use crate::{Clock, Config, Error, Store};

#[tokio::test]
async fn a_store_that_runs_is_not_restored_over_even_when_its_place_was_emptied() {
    let kit = Kit::new().await;
    let backup = backed_up(&kit).await;
    let place = Place::new().await;
    let running = place.kit().await;
    let config = place.config();
    let address = config.database_address();
    if address.starts_with("postgres") {
        let emptied = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
        running.store.state.db.read().execute_unprepared(emptied).await.unwrap();
    } else {
        for end in ["", "-wal", "-shm"] {
            std::fs::remove_file(config.data_dir.join(format!("store.sqlite{end}"))).unwrap();
        }
    }
    std::fs::remove_dir_all(config.blob_path()).unwrap();
    std::fs::remove_file(config.kek_path()).unwrap();
    let refused = place.restore(&backup).await.unwrap_err();
    assert!(matches!(refused, BackupError::InUse), "{refused:?}");
    drop(running);
    place.restore(&backup).await.unwrap();
}

#[tokio::test]
async fn no_store_opens_while_a_restore_is_under_way() {
    let place = Place::new().await;
    drop(place.kit().await);
    let address = place.config().database_address();
    let alone = Hold::take(&address, Use::Alone).await.unwrap().unwrap();
    assert!(matches!(Store::open(place.config()).await.unwrap_err(), Error::InUse));
    assert!(Hold::take(&address, Use::Alone).await.unwrap().is_none(), "one at a time");
    drop(alone);
    Store::open(place.config()).await.unwrap();
}

#[tokio::test]
async fn a_machine_without_a_clock_still_makes_keys_newer_than_any_that_printers_saw() {
    let backup = backed_up(&Kit::new().await).await;
    let place = Place::new().await;
    let opened = Opened::new(&backup[..]).unwrap();
    restore(place.config(), Clock::new(|| 0), opened, &mut |_| ()).await.unwrap();
    let keys = place.kit().await.get("/api/v1/keys", "").await.string("key_set");
    let keys = claims(&keys);
    let version: i64 = keys["version"].as_str().unwrap().parse().unwrap();
    assert!(version > START_S, "{keys}");
}

/// A backup that somebody meddles with the database of while it is read.
struct Meddled {
    backup: Cursor<Vec<u8>>,
    at: u64,
    config: Config,
    sql: Option<&'static str>,
}

impl Read for Meddled {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.backup.position() >= self.at
            && let Some(sql) = self.sql.take()
        {
            let address = self.config.database_address();
            let meddle = async move {
                let db = Database::connect(&address).await.unwrap();
                let done: Result<(), sea_orm::DbErr> = db
                    .write(move |tx| Box::pin(async move { tx.execute_unprepared(sql).await.map(drop) }))
                    .await;
                done.unwrap();
                db.close().await.unwrap();
            };
            let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            std::thread::spawn(move || runtime().block_on(meddle)).join().unwrap();
        }
        self.backup.read(buffer)
    }
}

/// What a restore says that this was done to at its last kilobyte.
async fn meddled(sql: &'static str) -> (Place, BackupError) {
    let backup = backed_up(&Kit::new().await).await;
    let place = Place::new().await;
    let at = backup.len() as u64 - 2048;
    let meddled = Meddled { backup: Cursor::new(backup), at, config: place.config(), sql: Some(sql) };
    let opened = Opened::new(meddled).unwrap();
    let failed = restore(place.config(), Clock::system(), opened, &mut |_| ()).await.unwrap_err();
    (place, failed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_whose_place_another_one_took_makes_no_store() {
    let (place, failed) =
        meddled("UPDATE unfinished_restore SET begun = REPLACE(begun, '\"run\":\"', '\"run\":\"f')").await;
    assert!(matches!(failed, BackupError::InUse), "{failed:?}");
    assert!(matches!(Store::open(place.config()).await.unwrap_err(), Error::RestoreUnfinished));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_lost_rows_on_the_way_makes_no_store() {
    let (place, failed) = meddled("DELETE FROM store_keys").await;
    assert!(matches!(&failed, BackupError::Rules(why) if why.contains("store_keys")), "{failed:?}");
    assert!(matches!(Store::open(place.config()).await.unwrap_err(), Error::RestoreUnfinished));
}
