//! Whose a key is, by the newest proof.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "linked_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub curve: String,
    /// Lower hex of the canonical bytes.
    #[sea_orm(primary_key, auto_increment = false)]
    pub public_key: String,
    pub account: String,
    pub proved_at: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
