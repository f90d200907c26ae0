//! Where the contents of a backup go.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use sea_orm::sea_query::{Alias, Expr, Query};
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sealpost_database::Database;
use sealpost_keyring::FileKeys;
use serde_json::Value as Json;
use tokio::task::JoinHandle;

use super::BackupError;
use super::cells::Declared;
use super::manifest::{Contents, Manifest};
use super::read::Take;
use super::tables::{self, Ask as _, quoted};
use crate::blobs::{BlobError, Blobs, FolderBlobs};
use crate::pipe::{self, Feed};
use crate::{Config, random};

/// Values in one statement: SQLite takes 32766 at most, PostgreSQL 65535.
const VALUES: usize = 16_000;

/// An empty store with its tables.
pub(super) struct Target {
    db: Database,
    blobs: Arc<FolderBlobs>,
    kek_path: PathBuf,
    /// In the order of the manifest.
    tables: Vec<Table>,
    writing: Option<Writing>,
}

struct Table {
    name: String,
    columns: Vec<Declared>,
}

/// A sealed file that is being written.
struct Writing {
    feed: Feed,
    done: JoinHandle<Result<(), BlobError>>,
}

impl Target {
    /// The tables have gone through the migrations of the backup.
    pub(super) async fn open(
        db: &Database,
        config: &Config,
        manifest: &Manifest,
    ) -> Result<Self, BackupError> {
        let live = tables::all(db.read()).await?;
        let mut found = Vec::new();
        for table in &manifest.tables {
            let other =
                || BackupError::Damaged(format!("its table {} is not as this program makes it", table.name));
            let here = live.iter().find(|here| here.name == table.name).ok_or_else(other)?;
            let column = |name: &str| here.columns.iter().find(|declared| declared.column.name == name);
            let columns = table.columns.iter().map(|one| column(&one.name).cloned().ok_or_else(other));
            found.push(Table { name: table.name.clone(), columns: columns.collect::<Result<_, _>>()? });
        }
        let folder = FolderBlobs::open(&config.blob_path(), true)
            .map_err(|error| crate::Error::Blobs(error.to_string()))?;
        let kek_path = config.kek_path();
        Ok(Self { db: db.clone(), blobs: Arc::new(folder), kek_path, tables: found, writing: None })
    }

    /// Compares what is in the database with what was read; numbers that it gives out go on after the largest.
    pub(super) async fn finish(&self, contents: &Contents) -> Result<(), BackupError> {
        for table in &self.tables {
            let rows = self.db.read().ask(&format!("SELECT COUNT(*) FROM {}", quoted(&table.name))).await?;
            let found: i64 = rows.first().map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
            let read = contents.rows.get(&table.name).copied().unwrap_or_default();
            if found.unsigned_abs() != read {
                let name = &table.name;
                return Err(BackupError::Rules(format!("`{name}` has {found} rows, and the backup {read}")));
            }
        }
        if self.db.backend() != DbBackend::Postgres {
            return Ok(());
        }
        let counted = "SELECT table_name::text, column_name::text FROM information_schema.columns \
             WHERE table_schema = current_schema() AND (column_default LIKE 'nextval(%' OR is_identity = 'YES')";
        for row in self.db.read().ask(counted).await? {
            let (table, column): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            let (table, name) = (quoted(&table), column.replace('\'', "''"));
            let column = quoted(&column);
            let sql = format!(
                "SELECT setval(pg_get_serial_sequence('{table}', '{name}'), COALESCE(MAX({column}), 0) + 1, false) \
                 FROM {table}"
            );
            self.db.read().execute_unprepared(&sql).await?;
        }
        Ok(())
    }

    async fn insert(&self, table: &Table, rows: &[Vec<Json>]) -> Result<(), BackupError> {
        let sqlite = self.db.backend() == DbBackend::Sqlite;
        let mut insert = Query::insert();
        insert.into_table(Alias::new(&table.name));
        insert.columns(table.columns.iter().map(|declared| Alias::new(&declared.column.name)));
        for row in rows {
            let cells = row.iter().zip(&table.columns);
            let values = cells.map(|(cell, declared)| declared.to_sql(cell, sqlite).map(Expr::value));
            let values = values.collect::<Result<Vec<_>, _>>()?;
            insert.values(values).map_err(|error| BackupError::Damaged(error.to_string()))?;
        }
        let statement = self.db.backend().build(&insert);
        self.db
            .write(move |tx| {
                let statement = statement.clone();
                Box::pin(async move { tx.execute_raw(statement).await.map(drop) })
            })
            .await
            .map_err(|error: DbErr| error.into())
    }
}

impl Take for Target {
    async fn rows(&mut self, table: usize, rows: Vec<Vec<Json>>) -> Result<(), BackupError> {
        let table = &self.tables[table];
        for rows in rows.chunks((VALUES / table.columns.len().max(1)).max(1)) {
            self.insert(table, rows).await?;
        }
        Ok(())
    }

    async fn blob(&mut self, name: &str) -> Result<(), BackupError> {
        let plain = |part: &str| {
            let known =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
            !part.is_empty() && part.bytes().all(known)
        };
        if !name.split('/').all(plain) {
            return Err(BackupError::Damaged("a sealed file has a name that none has".to_owned()));
        }
        let (feed, pieces) = pipe::direct();
        let (blobs, name) = (self.blobs.clone(), name.to_owned());
        let done = tokio::spawn(async move { blobs.write(&name, pieces).await });
        self.writing = Some(Writing { feed, done });
        Ok(())
    }

    async fn piece(&mut self, piece: &[u8]) -> Result<(), BackupError> {
        if let Some(writing) = &self.writing {
            // Where nobody takes it any more, the end tells why.
            writing.feed.send(Bytes::copy_from_slice(piece)).await;
        }
        Ok(())
    }

    async fn blob_ended(&mut self) -> Result<(), BackupError> {
        let Some(Writing { feed, done }) = self.writing.take() else { return Ok(()) };
        feed.end().await;
        let failed = |reason: String| BackupError::Store(crate::Error::Blobs(reason));
        done.await.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
    }

    async fn keys(&mut self, document: &str) -> Result<(), BackupError> {
        FileKeys::put_back(&self.kek_path, document, &mut random::rng()).map_err(crate::Error::from)?;
        Ok(())
    }
}
