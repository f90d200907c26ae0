//! What buyers say of listings.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reviews")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub listing: String,
    pub author: String,
    pub author_name: String,
    pub stars: i32,
    pub body: String,
    /// The newest version when it was written.
    pub version: Option<String>,
    pub answer: Option<String>,
    pub answered_at: Option<i64>,
    /// Whether its author's payment was not undone.
    pub shown: bool,
    pub created_at: i64,
    pub edited_at: Option<i64>,
    /// Whether its author has all their money back.
    pub refunded: bool,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
