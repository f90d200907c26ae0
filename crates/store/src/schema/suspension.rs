//! Why listings are suspended.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "suspensions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub listing: String,
    /// What its publisher is told.
    pub reason: String,
    /// What it was, and is again when the suspension is lifted.
    pub state_before: String,
    /// Whether it was suspended with its publisher, and is lifted with them.
    pub with_publisher: bool,
    pub created_at: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
