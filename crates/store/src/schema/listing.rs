//! What is offered.

use sea_orm::entity::prelude::*;
use sealpost_market as market;

use crate::fault::Result;
use crate::schema::value::{named, parsed, to_price};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "listings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub publisher: String,
    pub publisher_name: String,
    pub kind: String,
    pub state: String,
    pub title: String,
    pub description: String,
    pub price_amount: Option<String>,
    pub price_currency: Option<String>,
    pub terms: String,
    pub created_at: i64,
    pub row_version: i64,
    /// The publisher's name for it, in bundles and keys; unique in the store.
    pub plugin_id: Option<String>,
    /// Lower hex of the Ed25519 key that signs every release.
    pub publisher_key: Option<String>,
    /// Address that is paid on chain; it is not sold there where absent.
    pub payout: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(has_many = "super::release::Entity")]
    Releases,
}

impl Related<super::release::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Releases.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row as the rules see it.
    pub(crate) fn to_market(&self) -> Result<market::Listing> {
        Ok(market::Listing {
            id: parsed(&self.id)?,
            publisher: parsed(&self.publisher)?,
            kind: named(&self.kind)?,
            state: named(&self.state)?,
            price: to_price(self.price_amount.as_deref(), self.price_currency.as_deref())?,
            terms: serde_json::from_str(&self.terms)?,
        })
    }
}
