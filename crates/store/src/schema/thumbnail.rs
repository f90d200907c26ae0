//! Pictures of releases, as the slicer made them.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "thumbnails")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub release: String,
    pub width: i32,
    pub height: i32,
    pub media_type: String,
    pub picture: Vec<u8>,
    /// Whether the store painted it anew; what a slicer wrote is sent to nobody.
    pub remade: bool,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
