//! Tokens that were issued, and browsers that are signed in.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub jti: String,
    /// `user` or `printer`, or `browser`: then `jti` is the hash of the secret in its cookie.
    pub kind: String,
    /// Id of the account or printer.
    pub subject: String,
    pub issued_at: i64,
    pub expires_at: i64,
    pub revoked_at: Option<i64>,
    /// Of browsers: the last request, about.
    pub seen_at: Option<i64>,
    /// Of browsers: what it says of itself.
    pub agent: Option<String>,
    /// Of browsers: address of the network that it began from.
    pub address: Option<String>,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {
    /// Of kinds `user` and `browser`.
    #[sea_orm(
        belongs_to = "super::account::Entity",
        from = "Column::Subject",
        to = "super::account::Column::Id"
    )]
    Account,
}

impl Related<super::account::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Account.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
