//! What listings cost on chain, and when: a payment is judged by what was asked when its block was made.

use sea_orm::entity::prelude::*;
use sealpost_market::chain::Offer;

use crate::fault::Result;
use crate::schema::value::{parsed, to_timestamp};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chain_offers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub listing: String,
    /// Which contract of which chain it is an offer of: `{chain id}:{address}`.
    pub source: String,
    /// Address that is to be paid.
    pub payout: String,
    /// The chain's coin where absent.
    pub token: Option<String>,
    /// Symbol of the coin or token, as the listing's price names it.
    pub currency: String,
    /// Minor units in decimal.
    pub amount: String,
    pub since_ms: i64,
    /// It holds still where absent.
    pub until_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row as the rules see it.
    pub(crate) fn to_market(&self) -> Result<Offer> {
        Ok(Offer {
            listing: parsed(&self.listing)?,
            payout: parsed(&self.payout)?,
            token: self.token.as_deref().map(parsed).transpose()?,
            amount: parsed(&self.amount)?,
            since: to_timestamp(self.since_ms),
            until: self.until_ms.map(to_timestamp),
        })
    }
}
