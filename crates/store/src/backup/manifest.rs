//! What a backup says of itself: first what it is, last what was in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cells::Column;

/// The version of the layout that this program writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;

/// `manifest.json`, the first member.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// Version of the layout.
    pub format: u32,
    /// Version of the program that wrote it.
    pub program: String,
    /// RFC 3339.
    pub made_at: String,
    /// `sqlite` or `postgres`.
    pub database: String,
    /// Address under which people and printers reached the store.
    pub origin: String,
    /// Names of the migrations that its tables had gone through, in their order.
    pub migrations: Vec<String>,
    /// Its tables.
    pub tables: Vec<Table>,
}

/// A table and what its rows hold, in the order in which they hold it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub(super) columns: Vec<Column>,
}

/// `end.json`, the last member: without it a backup is not whole.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// Members before this one.
    pub members: u64,
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// Sealed files.
    pub blobs: u64,
    /// Their bytes together.
    pub blob_bytes: u64,
    /// Sealed files that were missing or damaged in the store: their names.
    pub missing: Vec<String>,
    /// Files of keys.
    pub keys: u64,
}
