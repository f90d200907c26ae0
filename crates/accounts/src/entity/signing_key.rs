//! Ed25519 keys that the server signs with.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "signing_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kid: String,
    pub purpose: String,
    /// Counts up with each rotation; unique with the purpose, so that two processes never make two.
    pub generation: i64,
    /// Lower hex.
    pub public: String,
    /// The secret, sealed by the keyring.
    pub sealed: String,
    pub created_at: i64,
    /// From when on nothing that it signed counts.
    pub void_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
