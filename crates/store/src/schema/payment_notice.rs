//! What payment sources said, once it counted.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_notices")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub source: String,
    /// Their `webhook-id`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub purchase: String,
    /// `paid` or `refunded`.
    pub status: String,
    pub reference: Option<String>,
    pub body_sha256: String,
    /// State of the purchase behind it.
    pub outcome: String,
    pub at: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
