//! Cells of rows: out of either database, as JSON, and into either database, without a change.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sea_orm::{DbErr, QueryResult, Value as Sql};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::BackupError;

/// A column: its name, and what its cells are.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Column {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: Kind,
}

/// What a cell holds if it is not `null`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A string.
    Text,
    /// A whole number of up to 64 bits.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A string of base64 (RFC 4648, section 4).
    Bytes,
}

/// A column as the database at hand declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) column: Column,
    /// A number of 32 bits, which PostgreSQL keeps apart from others.
    short: bool,
}

impl Declared {
    /// What the declaration of a column says, in the words of either database.
    pub(super) fn new(name: &str, declared: &str) -> Result<Self, DbErr> {
        let declared = declared.to_ascii_lowercase();
        let bare = declared.split('(').next().unwrap_or_default().trim();
        let kind = match bare {
            "varchar" | "character varying" | "text" => Kind::Text,
            "integer" | "int" | "bigint" => Kind::Integer,
            "boolean" => Kind::Boolean,
            "blob" | "bytea" => Kind::Bytes,
            _ => {
                return Err(DbErr::Custom(format!("backups know no columns that are {bare}: {name}")));
            }
        };
        Ok(Self { column: Column { name: name.to_owned(), kind }, short: bare == "integer" })
    }

    /// The cell of a row.
    pub(super) fn read(&self, row: &QueryResult, index: usize, sqlite: bool) -> Result<Json, DbErr> {
        Ok(match self.column.kind {
            Kind::Text => row.try_get_by_index::<Option<String>>(index)?.into(),
            Kind::Integer if self.short && !sqlite => row.try_get_by_index::<Option<i32>>(index)?.into(),
            Kind::Integer => row.try_get_by_index::<Option<i64>>(index)?.into(),
            Kind::Boolean => row.try_get_by_index::<Option<bool>>(index)?.into(),
            Kind::Bytes => {
                let bytes = row.try_get_by_index::<Option<Vec<u8>>>(index)?;
                bytes.map(|bytes| BASE64_STANDARD.encode(bytes)).into()
            }
        })
    }

    /// The value to insert for a cell.
    pub(super) fn to_sql(&self, cell: &Json, sqlite: bool) -> Result<Sql, BackupError> {
        let wrong = || BackupError::Damaged(format!("a cell of the column {} is not one", self.column.name));
        let short = self.short && !sqlite;
        Ok(match (self.column.kind, cell) {
            (Kind::Text, Json::Null) => Sql::String(None),
            (Kind::Integer, Json::Null) if short => Sql::Int(None),
            (Kind::Integer, Json::Null) => Sql::BigInt(None),
            (Kind::Boolean, Json::Null) => Sql::Bool(None),
            (Kind::Bytes, Json::Null) => Sql::Bytes(None),
            (Kind::Text, Json::String(text)) => text.clone().into(),
            (Kind::Integer, Json::Number(number)) => {
                let number = number.as_i64().ok_or_else(wrong)?;
                if short { i32::try_from(number).map_err(|_| wrong())?.into() } else { number.into() }
            }
            (Kind::Boolean, Json::Bool(truth)) => (*truth).into(),
            (Kind::Bytes, Json::String(text)) => BASE64_STANDARD.decode(text).map_err(|_| wrong())?.into(),
            _ => return Err(wrong()),
        })
    }
}
