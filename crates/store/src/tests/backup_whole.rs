//! Backups hold all of a store, keep nobody waiting, and a restore takes away nothing but its own.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sealpost_keyring::FileKeys;
use serde_json::Value;

use super::backup::{Place, backed_up, shop};
use super::kit::Kit;
use crate::backup::{Backup, BackupError, Opened};
use crate::random;

/// Names and columns of all tables that the database at hand has, asked by other words than those of the backup.
async fn declared(kit: &Kit) -> BTreeSet<(String, String)> {
    let db = kit.store.state.db.read();
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT c.relname::text, a.attname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') \
             AND a.attnum > 0 AND NOT a.attisdropped"
        }
        _ => {
            "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_xinfo(m.name) c \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'"
        }
    };
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    let cell = |row: &sea_orm::QueryResult, at| row.try_get_by_index::<String>(at).unwrap();
    rows.iter().map(|row| (cell(row, 0), cell(row, 1))).collect()
}

/// What its manifest says that it holds.
fn described(backup: &[u8]) -> Value {
    serde_json::to_value(Opened::new(backup).unwrap().manifest).unwrap()
}

#[tokio::test]
async fn every_column_of_every_table_is_in_a_backup() {
    let kit = shop().await.kit;
    let backup = backed_up(&kit).await;
    let manifest = described(&backup);
    let mut held = BTreeSet::new();
    for table in manifest["tables"].as_array().unwrap() {
        for column in table["columns"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            held.insert((text(&table["name"]), text(&column["name"])));
        }
    }
    let mut declared = declared(&kit).await;
    assert!(declared.len() > 100, "{declared:?}");
    // Filled by running the migrations.
    declared.retain(|(table, _)| table != "seaql_migrations");
    assert_eq!(held, declared);

    // Rows too: as many as there are, of each.
    let (_, contents) = Opened::new(&backup[..]).unwrap().check(&mut |_| ()).await.unwrap();
    let db = kit.store.state.db.read();
    for (table, rows) in &contents.rows {
        let sql = format!("SELECT COUNT(*) FROM \"{table}\"");
        let row =
            db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
        let mut there = row.try_get_by_index::<i64>(0).unwrap().unsigned_abs();
        // That it was made is noted once it is.
        there -= u64::from(table == "audit_log");
        assert_eq!(*rows, there, "{table}");
    }
}

/// A new column with something sealed in it must be known to who looks whether the keys are the right ones.
#[tokio::test]
async fn every_sealed_column_is_looked_at() {
    let kit = Kit::new().await;
    let found: BTreeSet<(String, String)> =
        declared(&kit).await.into_iter().filter(|(_, column)| column.starts_with("sealed")).collect();
    let known =
        crate::backup::SEALED.iter().map(|(table, column)| ((*table).to_owned(), (*column).to_owned()));
    let mut known: BTreeSet<(String, String)> = known.collect();
    // Sealed to a printer, not by the keyring.
    known.insert(("printer_challenges".to_owned(), "sealed_nonce".to_owned()));
    assert_eq!(found, known);
}

#[tokio::test]
async fn a_backup_whose_keys_do_not_open_what_was_sold_is_refused_when_made_and_when_read() {
    let kit = shop().await.kit;
    let backup = backed_up(&kit).await;
    let path = kit.store.state.config.kek_path();
    FileKeys::rotate(&path, &mut random::rng()).unwrap();
    backed_up(&kit).await;
    // The operator takes the older line out, as if it were of no use.
    let text = std::fs::read_to_string(&path).unwrap();
    let mut keys = 0;
    let newest: String = text
        .lines()
        .filter(|line| {
            let key = !line.starts_with('#') && !line.trim().is_empty();
            keys += i32::from(key);
            !key || keys == 1
        })
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(keys, 2);
    std::fs::write(&path, &newest).unwrap();
    // Signing keys are under the new one by now: what is left under the old one is what was sold.
    let state = &kit.store.state;
    for statement in ["DELETE FROM signing_keys", "DELETE FROM store_keys", "DELETE FROM answers"] {
        kit.execute(statement).await;
    }
    let opened = Backup::open(state.config.clone(), state.clock.clone()).await.unwrap();
    let refused = opened.write(&mut Vec::new(), false, &mut |_| ()).await.unwrap_err();
    assert!(matches!(refused, BackupError::OtherKeys(_)), "{refused:?}");

    // One that was made with other keys in it.
    let other = Kit::new().await;
    let forged = with_keys_of(&backup, &backed_up(&other).await);
    let refused = Opened::new(&forged[..]).unwrap().check(&mut |_| ()).await.unwrap_err();
    assert!(matches!(refused, BackupError::OtherKeysInside), "{refused:?}");
}

/// The backup with the key file of another one; that is noticed before the hashes are compared.
fn with_keys_of(backup: &[u8], other: &[u8]) -> Vec<u8> {
    let member = |bytes: &[u8]| {
        let at = (0..bytes.len()).step_by(512).find(|at| bytes[*at..].starts_with(b"keys/kek\0")).unwrap();
        let size = std::str::from_utf8(&bytes[at + 124..at + 135]).unwrap();
        let size = usize::from_str_radix(size.trim_matches(['\0', ' ']), 8).unwrap();
        at..at + 512 + size.next_multiple_of(512)
    };
    let (ours, theirs) = (member(backup), member(other));
    [&backup[..ours.start], &other[theirs], &backup[ours.end..]].concat()
}

/// Whoever takes it does so slowly.
struct Stalled {
    begun: mpsc::Sender<()>,
    go_on: mpsc::Receiver<()>,
    bytes: u64,
}

impl Write for Stalled {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.bytes == 0 {
            let _ = self.begun.send(());
            let _ = self.go_on.recv();
        }
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Whether somebody keeps an old state of the database from being forgotten.
async fn is_kept_open(kit: &Kit) -> bool {
    let db = sea_orm::Database::connect(kit.store.state.config.database_address()).await.unwrap();
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND state LIKE 'idle in transaction%'"
        }
        _ => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    let row =
        db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
    let kept = row.try_get_by_index::<i64>(0).or_else(|_| row.try_get_by_index::<i32>(0).map(i64::from));
    db.close().await.unwrap();
    kept.unwrap() > 0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_hangs_keeps_no_state_of_the_database_open() {
    let kit = shop().await.kit;
    let state = &kit.store.state;
    let (begun, has_begun) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let (config, clock) = (state.config.clone(), state.clock.clone());
    let runtime = tokio::runtime::Handle::current();
    let writing = std::thread::spawn(move || {
        runtime.block_on(async {
            let backup = Backup::open(config, clock).await.unwrap();
            let mut out = Stalled { begun, go_on: may_go_on, bytes: 0 };
            backup.write(&mut out, false, &mut |_| ()).await.unwrap();
            out.bytes
        })
    });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
    kit.person("meanwhile").await;
    assert!(!is_kept_open(&kit).await);
    // That it would be seen is seen.
    let snapshot = state.db.snapshot().await.unwrap();
    kit.person("later").await;
    assert!(is_kept_open(&kit).await);
    snapshot.end().await.unwrap();
    go_on.send(()).unwrap();
    let bytes = tokio::task::spawn_blocking(move || writing.join().unwrap()).await.unwrap();
    assert!(bytes > 10_000, "{bytes} bytes are no backup");
    let left = std::fs::read_dir(&state.config.data_dir).unwrap();
    let left: Vec<PathBuf> = left.map(|entry| entry.unwrap().path()).collect();
    assert!(!left.iter().any(|path| path.to_string_lossy().contains(".backup-")), "{left:?}");
}

/// A restore that was given up left its note in a database; since then a store was made, of another one, where it wrote.
#[tokio::test]
async fn a_restore_that_goes_on_takes_away_nothing_that_another_store_put_there() {
    let backup = backed_up(&shop().await.kit).await;
    let place = Place::new().await;
    place.restore(&backup[..backup.len() - 1600]).await.unwrap_err();
    let config = place.config();
    // Whoever gave it up tidied by hand, and forgot the database.
    std::fs::remove_dir_all(config.blob_path()).unwrap();
    std::fs::remove_dir_all(config.kek_path().parent().unwrap()).unwrap();
    for (path, text) in
        [(config.blob_path().join("releases/r_1"), "sold"), (config.kek_path(), "the only key")]
    {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let refused = place.restore(&backup).await.unwrap_err();
    assert!(matches!(refused, BackupError::NotEmpty(_)), "{refused:?}");
    assert_eq!(std::fs::read_to_string(config.kek_path()).unwrap(), "the only key");
    assert_eq!(std::fs::read_to_string(config.blob_path().join("releases/r_1")).unwrap(), "sold");
    // What it left itself it takes away, and a finished one leaves no mark.
    std::fs::remove_dir_all(config.blob_path()).unwrap();
    std::fs::remove_dir_all(config.kek_path().parent().unwrap()).unwrap();
    for cut in [backup.len() - 1600, backup.len() * 2 / 3] {
        place.restore(&backup[..cut]).await.unwrap_err();
    }
    place.restore(&backup).await.unwrap();
    let marks = [config.blob_path().join(".restoring"), config.kek_path().with_extension("restoring")];
    assert!(!marks.iter().any(|mark| mark.exists()));
    let kit = place.kit().await;
    assert!(!kit.get("/api/v1/listings", "").await.json()["listings"].as_array().unwrap().is_empty());
}
