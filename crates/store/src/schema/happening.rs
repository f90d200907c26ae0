//! What people can be told about.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "happenings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// As in `type` of its payload.
    pub kind: String,
    /// Account whose business it is.
    pub seller: String,
    /// Account of the other one whom it concerns.
    pub other: Option<String>,
    pub listing: String,
    /// JSON of a `sealpost_api::happening::Event`.
    pub payload: String,
    pub at: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
