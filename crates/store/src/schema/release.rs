//! Versions of listings.

use sea_orm::entity::prelude::*;
use sealpost_market as market;

use crate::fault::Result;
use crate::schema::value::{named, parsed};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "releases")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub listing: String,
    pub version: String,
    pub state: String,
    pub cipher: String,
    pub iv: Option<String>,
    pub blob: String,
    pub blob_size: i64,
    pub blob_sha256: String,
    pub plain_size: i64,
    pub plain_sha256: String,
    pub preview: String,
    pub created_at: i64,
    /// A JSON object.
    pub manifest: Option<String>,
    /// Lower hex, by `publisher_key`.
    pub signature: Option<String>,
    /// Lower hex of the Ed25519 key that signed.
    pub publisher_key: Option<String>,
    /// Of the sealed blob.
    pub cid: Option<String>,
    /// Whether the signature covers `cid`.
    pub signed_cid: bool,
    /// What a chain knows it by: `0x` and hex of [`market::chain::item_id`].
    pub item: Option<String>,
    /// What its publisher says of it; plain text.
    pub notes: String,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::listing::Entity",
        from = "Column::Listing",
        to = "super::listing::Column::Id"
    )]
    Listing,
}

impl Related<super::listing::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Listing.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row as the rules see it.
    pub(crate) fn to_market(&self) -> Result<market::Release> {
        Ok(market::Release {
            id: parsed(&self.id)?,
            listing: parsed(&self.listing)?,
            version: parsed(&self.version)?,
            state: named(&self.state)?,
        })
    }
}
