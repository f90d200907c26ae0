//! The outbox.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "mails")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// What it is about, such as `password_reset`.
    pub kind: String,
    /// Id of the account that it is for, if there is one.
    pub account: Option<String>,
    /// Where it goes.
    pub address: String,
    /// The letter under the keyring; empty once it is sent or given up.
    pub sealed: String,
    pub attempts: i32,
    /// Milliseconds since 1970, as all times here.
    pub next_at: i64,
    /// When it is of no use any more.
    pub expires_at: i64,
    /// What the mail server said last.
    pub error: Option<String>,
    pub queued_at: i64,
    pub sent_at: Option<i64>,
    pub dead_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
