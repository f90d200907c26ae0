//! Prints on printers.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sealpost_database::Tx;
use sealpost_market as market;

use crate::fault::{Fault, Result};
use crate::schema::value::{named, parsed, to_ms, to_timestamp};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub licence: String,
    pub purchase: String,
    pub listing: String,
    pub release: String,
    pub printer: String,
    pub printer_name: String,
    pub owner: String,
    pub title: String,
    pub state: String,
    pub lease: i64,
    pub lease_until: Option<i64>,
    pub nonce: Option<String>,
    pub key_released: bool,
    pub started: bool,
    pub expires_at: Option<i64>,
    pub reports: String,
    pub message: Option<String>,
    pub cancel_requested: bool,
    pub free_retry: bool,
    pub progress_permille: i32,
    pub layer: Option<i32>,
    pub filament_used_mm_x100: Option<i64>,
    pub print_duration_s: Option<i64>,
    pub total_duration_s: Option<i64>,
    pub seal_once: bool,
    pub cipher: String,
    pub iv: Option<String>,
    pub blob: Option<String>,
    pub blob_size: i64,
    pub blob_sha256: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub row_version: i64,
    /// See `sealpost_market::Job::restored`.
    pub restored: bool,
    /// The memory that its printer's agent had when the store was backed up: with that one it may be claimed.
    pub held_for: Option<String>,
    /// See `sealpost_market::Job::lost`.
    pub lost: bool,
    /// Of the listing.
    pub publisher: String,
    /// Of the release.
    pub layers: Option<i32>,
    /// The slicer's estimate for the release, seconds.
    pub estimated_s: Option<i64>,
    /// Whether the release has a picture.
    pub pictured: bool,
    /// When its printer first said that it prints.
    pub started_at: Option<i64>,
    /// When it came to its final state.
    pub ended_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row as the rules see it.
    pub(crate) fn to_market(&self) -> Result<market::Job> {
        Ok(market::Job {
            id: parsed(&self.id)?,
            licence: parsed(&self.licence)?,
            release: parsed(&self.release)?,
            printer: parsed(&self.printer)?,
            state: named(&self.state)?,
            lease: self.lease.unsigned_abs(),
            lease_until: self.lease_until.map(to_timestamp),
            nonce: self.nonce.as_deref().map(parsed).transpose()?,
            key_released: self.key_released,
            started: self.started,
            expires_at: self.expires_at.map(to_timestamp),
            reports: serde_json::from_str(&self.reports)?,
            message: self.message.clone(),
            cancel_requested: self.cancel_requested,
            free_retry: self.free_retry,
            restored: self.restored,
            lost: self.lost,
        })
    }

    /// What a job has that has no blob of its own.
    pub(crate) fn without_blob() -> ActiveModel {
        ActiveModel {
            blob: Set(None),
            iv: Set(None),
            blob_size: Set(0),
            blob_sha256: Set(String::new()),
            ..Default::default()
        }
    }

    /// Saves what the rules made of this row, and what `more` sets besides, if nobody else changed it since.
    pub(crate) async fn save(&self, tx: &Tx, job: &market::Job, more: ActiveModel, now: i64) -> Result<()> {
        let message = if more.message.is_set() { more.message.clone() } else { Set(job.message.clone()) };
        let row = ActiveModel {
            message,
            state: Set(job.state.as_str().to_owned()),
            lease: Set(job.lease.cast_signed()),
            lease_until: Set(job.lease_until.map(to_ms)),
            nonce: Set(job.nonce.as_ref().map(ToString::to_string)),
            key_released: Set(job.key_released),
            started: Set(job.started),
            reports: Set(serde_json::to_string(&job.reports)?),
            cancel_requested: Set(job.cancel_requested),
            free_retry: Set(job.free_retry),
            restored: Set(job.restored),
            lost: Set(job.lost),
            updated_at: Set(now),
            row_version: Set(self.row_version + 1),
            ..more
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
