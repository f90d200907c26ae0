//! The store's books, read past the store: its database and its folder of blobs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags};
use sealpost_tests::store::Store;

/// The books of one store.
pub(crate) struct Books {
    database: PathBuf,
    blobs: PathBuf,
}

impl Books {
    pub(crate) fn of(store: &Store) -> Self {
        Self { database: store.data.join("store.sqlite"), blobs: store.data.join("blobs") }
    }

    /// Rows of a query whose columns are all text.
    pub(crate) fn rows(&self, sql: &str) -> Result<Vec<Vec<String>>> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.database, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        let mut statement = connection.prepare(sql).with_context(|| sql.to_owned())?;
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| (0..columns).map(|column| row.get(column)).collect())?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The only column of a query.
    pub(crate) fn column(&self, sql: &str) -> Result<Vec<String>> {
        Ok(self.rows(sql)?.into_iter().flatten().collect())
    }

    /// Names of the blobs that lie there, half-written ones too.
    pub(crate) fn blobs(&self) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        collect(&self.blobs, &self.blobs, &mut names)?;
        Ok(names)
    }
}

fn collect(root: &Path, folder: &Path, names: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, names)?;
        } else {
            names.insert(path.strip_prefix(root)?.display().to_string());
        }
    }
    Ok(())
}
