//! The store's books, read past the store: its database and its folder of blobs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sealpost_tests::store::Store;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

/// The books of one store.
pub(crate) struct Books {
    database: Database,
    blobs: PathBuf,
}

enum Database {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Books {
    pub(crate) fn of(store: &Store) -> Self {
        let database = match &store.options.database_url {
            Some(url) => Database::Postgres(url.clone()),
            None => Database::Sqlite(store.data.join("store.sqlite")),
        };
        Self { database, blobs: store.data.join("blobs") }
    }

    /// Whether several processes may share the database.
    pub(crate) fn are_shared(&self) -> bool {
        matches!(self.database, Database::Postgres(_))
    }

    /// Rows of a query whose columns are all text.
    pub(crate) async fn rows(&self, sql: &str) -> Result<Vec<Vec<String>>> {
        let rows = match &self.database {
            Database::Sqlite(path) => of_sqlite(path, sql),
            Database::Postgres(url) => of_postgres(url, sql).await,
        };
        rows.with_context(|| sql.to_owned())
    }

    /// The only column of a query.
    pub(crate) async fn column(&self, sql: &str) -> Result<Vec<String>> {
        Ok(self.rows(sql).await?.into_iter().flatten().collect())
    }

    /// Names of the blobs that lie there, half-written ones too.
    pub(crate) fn blobs(&self) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        collect(&self.blobs, &self.blobs, &mut names)?;
        Ok(names)
    }
}

/// Of a copy: the store's disk is mounted where only its programs see it, and SQLite finds its files by their true names.
fn of_sqlite(path: &Path, sql: &str) -> Result<Vec<Vec<String>>> {
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("copy.sqlite");
    // The log first: what is moved from it into the file meanwhile is there twice, and not missing.
    let log = fs::read(path.with_extension("sqlite-wal")).unwrap_or_default();
    fs::copy(path, &copy)?;
    fs::write(copy.with_extension("sqlite-wal"), log)?;
    let connection = rusqlite::Connection::open(&copy)?;
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| (0..columns).map(|column| row.get(column)).collect())?;
    Ok(rows.collect::<Result<_, _>>()?)
}

async fn of_postgres(url: &str, sql: &str) -> Result<Vec<Vec<String>>> {
    let mut connection = PgConnection::connect(url).await?;
    let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await?;
    connection.close().await?;
    rows.iter().map(|row| (0..row.len()).map(|column| Ok(row.try_get(column)?)).collect()).collect()
}

fn collect(root: &Path, folder: &Path, names: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, names)?;
        } else if path.file_name().is_some_and(|name| name != ".store") {
            // That one says whose folder it is.
            names.insert(path.strip_prefix(root)?.display().to_string());
        }
    }
    Ok(())
}
