//! Pictures of listings as they are sent.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "picture_files")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub picture: String,
    /// `large` or `small`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub size: String,
    pub sha256: String,
    pub bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
