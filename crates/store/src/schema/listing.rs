//! What is offered.

use sea_orm::entity::prelude::*;
use sealpost_market as market;

use crate::catalogue::shelf;
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
    /// What a search looks through.
    pub words: String,
    /// What its releases print with: `;petg;pla;`.
    pub materials: Option<String>,
    /// Licences that are paid for, as they were counted last.
    pub sold: i32,
    /// Stars of all reviews together, and how many reviews.
    pub stars: i32,
    pub reviews: i32,
    pub rating_rank: i64,
    pub price_rank: i64,
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
    /// With what is searched and sorted by brought up to what it says.
    pub(crate) fn shelved(mut self) -> Self {
        let plugin = self.plugin_id.as_deref().unwrap_or_default();
        self.words = shelf::words(&self.title, &self.description, &self.publisher_name, plugin);
        self.price_rank = shelf::price_rank(self.price_amount.as_deref(), self.price_currency.as_deref());
        self
    }

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
