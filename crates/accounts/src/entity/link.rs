//! Links that count once.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "links")]
pub struct Model {
    /// SHA-256 of its secret.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    /// What it is for.
    pub kind: String,
    pub account: String,
    /// What it needs, as JSON.
    pub data: String,
    pub expires_at: i64,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
