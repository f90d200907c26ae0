//! Who says when money for external payments came.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_sources")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Account.
    pub owner: String,
    /// Whether it is for all listings of the store; an operator's.
    pub everybody: bool,
    pub name: String,
    /// A template.
    pub checkout_url: Option<String>,
    /// `active`, `paused` or `gone`.
    pub state: String,
    /// What it signs its messages with, sealed.
    #[sea_orm(column_name = "sealed_secret")]
    pub secret: String,
    /// The one before, which is taken too for a while.
    pub old_secret: Option<String>,
    pub old_secret_until: Option<i64>,
    pub created_at: i64,
    pub row_version: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
