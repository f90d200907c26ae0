//! Where people have themselves told what happens.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoints")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Account.
    pub owner: String,
    /// Whether it is told of all sellers; for operators.
    pub everybody: bool,
    pub url: String,
    /// JSON array of kinds; all where empty.
    pub kinds: String,
    pub description: String,
    /// `active`, `paused` or `failing`.
    pub state: String,
    /// What its messages are signed with, sealed.
    #[sea_orm(column_name = "sealed_secret")]
    pub secret: String,
    /// The one before, which signs them too for a while.
    pub old_secret: Option<String>,
    pub old_secret_until: Option<i64>,
    /// Since when nothing was taken.
    pub failing_since: Option<i64>,
    /// For people: what went wrong last.
    pub reason: Option<String>,
    /// The task that sends to it: one at a time, among all processes.
    pub lease_owner: Option<String>,
    pub lease_until: Option<i64>,
    pub created_at: i64,
    pub row_version: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
