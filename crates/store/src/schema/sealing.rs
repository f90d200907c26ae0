//! Which jobs processes of this store are sealing.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sealings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub job: String,
    /// Until when nobody else begins, milliseconds since 1970; whoever is at it says it again.
    pub until: i64,
    /// Whose turn it is, a random name: nobody else prolongs it or gives it back.
    pub owner: String,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
