//! The append-only log of what people, printers and the server did. The database refuses to change or delete its rows.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use sealpost_database::{Database, Tx};
use serde_json::Value;

use crate::entity::audit_entry;

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Actor {
    /// The server by itself.
    System,
    /// Somebody who is not signed in.
    Anonymous,
    /// A person, by account id.
    User(String),
    /// A printer, by id.
    Printer(String),
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Counts up.
    pub id: i64,
    /// Milliseconds since 1970.
    pub at: i64,
    /// `system`, `anonymous`, `user:<id>` or `printer:<id>`.
    pub actor: String,
    /// What was done, such as `printer.paired`.
    pub action: String,
    /// What it was done to, such as `printer:<id>`.
    pub subject: String,
    /// A JSON object; never a secret.
    pub details: Value,
}

/// Writes one row at the end of the transaction of what it records, together with those of others.
pub fn record_later(tx: &Tx, at: i64, actor: &Actor, action: &str, subject: &str, details: &Value) {
    tx.insert_later(to_row(at, actor, action, subject, details));
}

/// Writes one row in the transaction of what it records.
///
/// # Errors
/// The failure of the database.
pub async fn record(
    tx: &Tx,
    at: i64,
    actor: &Actor,
    action: &str,
    subject: &str,
    details: Value,
) -> Result<(), DbErr> {
    to_row(at, actor, action, subject, &details).insert(tx).await.map(drop)
}

fn to_row(at: i64, actor: &Actor, action: &str, subject: &str, details: &Value) -> audit_entry::ActiveModel {
    audit_entry::ActiveModel {
        at: Set(at),
        actor: Set(actor.to_string()),
        action: Set(action.to_owned()),
        subject: Set(subject.to_owned()),
        details: Set(details.to_string()),
        ..Default::default()
    }
}

/// The rows about `subject`, oldest first, after row `after`, at most `limit`.
///
/// # Errors
/// The failure of the database.
pub async fn about(db: &Database, subject: &str, after: i64, limit: u64) -> Result<Vec<Entry>, DbErr> {
    let rows = audit_entry::Entity::find()
        .filter(audit_entry::Column::Subject.eq(subject))
        .filter(audit_entry::Column::Id.gt(after))
        .order_by_asc(audit_entry::Column::Id)
        .limit(limit)
        .all(db.read())
        .await?;
    Ok(rows.into_iter().map(Entry::from).collect())
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Anonymous => f.write_str("anonymous"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Printer(id) => write!(f, "printer:{id}"),
        }
    }
}

impl From<audit_entry::Model> for Entry {
    fn from(row: audit_entry::Model) -> Self {
        let details = serde_json::from_str(&row.details).unwrap_or_default();
        Self { id: row.id, at: row.at, actor: row.actor, action: row.action, subject: row.subject, details }
    }
}
