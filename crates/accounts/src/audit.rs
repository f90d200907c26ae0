//! The append-only log of what people, printers and the server did. The database refuses to change or delete its rows.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Func, LikeExpr},
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

/// Which rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those of this account alone: what it did, and what was done to it.
    pub person: Option<String>,
    /// Those of one actor, such as `user:<id>`.
    pub actor: Option<String>,
    /// Those about one subject, such as `licence:<id>`.
    pub subject: Option<String>,
    /// Those of one action, such as `account.signed_in`.
    pub action: Option<String>,
    /// Those of one of these actors.
    pub actors: Option<Vec<String>>,
    /// Those that hold this text, whatever it is in them.
    pub text: Option<String>,
    /// Those from this moment on, milliseconds since 1970.
    pub since: Option<i64>,
    /// Those before this moment.
    pub until: Option<i64>,
    /// Those older than this row.
    pub before: Option<i64>,
    /// So many.
    pub limit: u64,
}

/// Rows, the newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The rows.
    pub entries: Vec<Entry>,
    /// Whether there are older ones.
    pub more: bool,
}

/// The newest rows that `filter` lets through.
///
/// # Errors
/// The failure of the database.
pub async fn newest(db: &Database, filter: &Filter) -> Result<Page, DbErr> {
    use audit_entry::Column;
    let own = filter.person.as_ref().map(|id| {
        Condition::any()
            .add(Column::Actor.eq(format!("user:{id}")))
            .add(Column::Subject.eq(format!("account:{id}")))
    });
    let wanted = Condition::all()
        .add_option(own)
        .add_option(filter.actor.as_ref().map(|actor| Column::Actor.eq(actor)))
        .add_option(filter.subject.as_ref().map(|subject| Column::Subject.eq(subject)))
        .add_option(filter.action.as_ref().map(|action| Column::Action.eq(action)))
        .add_option(filter.actors.as_ref().map(|actors| Column::Actor.is_in(actors)))
        .add_option(filter.text.as_deref().map(holds))
        .add_option(filter.since.map(|at| Column::At.gte(at)))
        .add_option(filter.until.map(|at| Column::At.lt(at)))
        .add_option(filter.before.map(|id| Column::Id.lt(id)));
    let rows = audit_entry::Entity::find()
        .filter(wanted)
        .order_by_desc(Column::Id)
        .limit(filter.limit.saturating_add(1))
        .all(db.read())
        .await?;
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    Ok(Page { entries: rows.into_iter().take(limit).map(Entry::from).collect(), more })
}

/// Without regard to case on either database; `%` and `_` are letters like others.
fn holds(text: &str) -> Condition {
    let text = text.to_lowercase().replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    let like = |column| {
        Expr::expr(Func::lower(Expr::col(column))).like(LikeExpr::new(format!("%{text}%")).escape('\\'))
    };
    Condition::any()
        .add(like(audit_entry::Column::Action))
        .add(like(audit_entry::Column::Subject))
        .add(like(audit_entry::Column::Actor))
        .add(like(audit_entry::Column::Details))
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
