//! Messages to webhooks.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_deliveries")]
pub struct Model {
    /// Travels as `webhook-id`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub endpoint: String,
    /// None for tests.
    pub happening: Option<String>,
    pub kind: String,
    /// Its body, byte for byte.
    pub payload: String,
    /// `waiting`, `delivered`, `failed` or `held`.
    pub state: String,
    /// That failed since somebody asked for it last.
    pub tries: i32,
    pub next_at: Option<i64>,
    /// HTTP status of the last answer.
    pub status: Option<i32>,
    pub ended_at: Option<i64>,
    pub created_at: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
