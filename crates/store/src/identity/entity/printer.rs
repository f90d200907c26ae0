//! Printers.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "printers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Account id.
    pub owner: String,
    pub name: String,
    pub description: String,
    pub manufacturer: String,
    pub model: String,
    pub extruders: Option<i32>,
    /// Standard base64 of the X25519 key.
    pub public_key: String,
    /// Lower-hex SHA-256 of the key; unique among printers that were not removed.
    pub key_id: String,
    /// Whether a Sealpost agent speaks for it, by what it said last.
    pub sealpost_agent: bool,
    /// The token it used last: the first use of another one ends all older ones.
    pub active_jti: Option<String>,
    pub created_at: i64,
    pub last_seen_at: Option<i64>,
    pub removed_at: Option<i64>,
    /// What its agent calls itself, such as `sealpost-printer/1.2.0`.
    pub agent: Option<String>,
    /// Whether its agent said that its prints are protected less than they could be.
    pub reduced: Option<bool>,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
