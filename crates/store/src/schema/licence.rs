//! What buyers may do.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sealpost_database::Tx;
use sealpost_market as market;

use crate::fault::{Fault, Result};
use crate::schema::value::{count, named, parsed, stored, to_ms, to_timestamp};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "licences")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub listing: String,
    pub purchase: String,
    pub holder: String,
    pub allowed: i32,
    pub used: i32,
    pub reserved: i32,
    pub state: String,
    pub expires_at: Option<i64>,
    pub free_retries: i32,
    pub free_retries_used: i32,
    pub keys_released: i32,
    pub covers: Option<String>,
    pub created_at: i64,
    pub row_version: i64,
    /// `gcode` or `plugin`.
    pub kind: String,
    /// Lower hex of the Ed25519 key that signed the publisher's releases when it was bought.
    pub publisher_key: Option<String>,
    /// A [`market::LicencePayment`].
    pub payment: String,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row as the rules see it.
    pub(crate) fn to_market(&self) -> Result<market::Licence> {
        Ok(market::Licence {
            id: parsed(&self.id)?,
            listing: parsed(&self.listing)?,
            kind: named(&self.kind)?,
            holder: parsed(&self.holder)?,
            allowed: count(self.allowed),
            used: count(self.used),
            reserved: count(self.reserved),
            state: named(&self.state)?,
            payment: named(&self.payment)?,
            expires_at: self.expires_at.map(to_timestamp),
            free_retries: count(self.free_retries),
            free_retries_used: count(self.free_retries_used),
            keys_released: count(self.keys_released),
            covers: self.covers.as_deref().map(parsed).transpose()?,
            publisher_key: self.publisher_key.clone(),
        })
    }

    /// A new row.
    pub(crate) fn from_market(licence: &market::Licence, purchase: &str, now: i64) -> Self {
        Self {
            id: licence.id.to_string(),
            listing: licence.listing.to_string(),
            purchase: purchase.to_owned(),
            holder: licence.holder.to_string(),
            allowed: stored(licence.allowed),
            used: stored(licence.used),
            reserved: stored(licence.reserved),
            state: licence.state.as_str().to_owned(),
            expires_at: licence.expires_at.map(to_ms),
            free_retries: stored(licence.free_retries),
            free_retries_used: stored(licence.free_retries_used),
            keys_released: stored(licence.keys_released),
            covers: licence.covers.as_ref().map(ToString::to_string),
            created_at: now,
            row_version: 1,
            kind: licence.kind.as_str().to_owned(),
            publisher_key: licence.publisher_key.clone(),
            payment: licence.payment.as_str().to_owned(),
        }
    }

    /// Saves what the rules made of this row, if nobody else changed it since.
    pub(crate) async fn save(&self, tx: &Tx, licence: &market::Licence) -> Result<()> {
        let row = ActiveModel {
            used: Set(stored(licence.used)),
            reserved: Set(stored(licence.reserved)),
            state: Set(licence.state.as_str().to_owned()),
            payment: Set(licence.payment.as_str().to_owned()),
            free_retries_used: Set(stored(licence.free_retries_used)),
            keys_released: Set(stored(licence.keys_released)),
            row_version: Set(self.row_version + 1),
            ..Default::default()
        };
        let saved = Entity::update_many()
            .set(row)
            .filter(Column::Id.eq(&self.id))
            .filter(Column::RowVersion.eq(self.row_version))
            .exec(tx)
            .await?;
        if saved.rows_affected == 1 { Ok(()) } else { Err(Fault::Conflict) }
    }
}
