//! Vouchers; the id is the hash of the code.

use sea_orm::entity::prelude::*;
use sealpost_market as market;

use crate::fault::Result;
use crate::schema::value::{count, parsed, to_timestamp};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "vouchers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub listing: String,
    pub uses_left: i32,
    pub prints: Option<i32>,
    pub expires_at: Option<i64>,
    pub created_at: i64,
    /// How often it could be used when it was made; not known of old ones.
    pub uses: Option<i32>,
    /// What its publisher calls it.
    pub label: String,
    /// The last characters of the code, by which its publisher tells it from others.
    pub ends: String,
    pub disabled_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row as the rules see it.
    pub(crate) fn to_market(&self) -> Result<market::Voucher> {
        Ok(market::Voucher {
            listing: parsed(&self.listing)?,
            uses_left: count(self.uses_left),
            prints: self.prints.map(count),
            expires_at: self.expires_at.map(to_timestamp),
            disabled: self.disabled_at.is_some(),
        })
    }
}
