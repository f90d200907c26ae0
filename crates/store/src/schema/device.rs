//! Devices of plugin licences.

use sea_orm::entity::prelude::*;
use sealpost_market as market;
use serde::{Deserialize, Serialize};

use crate::fault::Result;
use crate::schema::value::parsed;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "devices")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub licence: String,
    pub curve: String,
    /// Lower hex of the canonical bytes.
    pub public_key: String,
    pub name: Option<String>,
    /// Which key of the buyer's wallet it is.
    pub key_index: Option<i64>,
    pub created_at: i64,
}

/// A device as a purchase keeps it until there is a licence.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Wanted {
    #[serde(flatten)]
    pub(crate) device: market::Device,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<u32>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row as the rules see it.
    pub(crate) fn to_market(&self) -> Result<market::Device> {
        let key = market::DeviceKey { curve: self.curve.clone(), public_key: self.public_key.clone() };
        Ok(market::Device { id: parsed(&self.id)?, key })
    }

    /// A new row.
    pub(crate) fn new(wanted: &Wanted, licence: &str, now: i64) -> Self {
        Self {
            id: wanted.device.id.to_string(),
            licence: licence.to_owned(),
            curve: wanted.device.key.curve.clone(),
            public_key: wanted.device.key.public_key.clone(),
            name: wanted.name.clone(),
            key_index: wanted.index.map(i64::from),
            created_at: now,
        }
    }
}
