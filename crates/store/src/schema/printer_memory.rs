//! By which memory of its own a printer's agent asked last.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "printer_memories")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub printer: String,
    /// The id of the agent's state document, made with it.
    pub document: String,
    pub seen_at: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
