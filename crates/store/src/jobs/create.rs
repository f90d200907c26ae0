//! Making a job: a print is reserved, and its blob is sealed in the background.

use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use sealpost_accounts::Actor;
use sealpost_api::catalogue::Preview;
use sealpost_database::Tx;
use sealpost_envelope::ContentCipher;
use sealpost_market::{self as market, AccountId, Effect, JobId, NewJob, create_job, pick_release};

use crate::catalogue::find_listing;
use crate::fault::{Fault, Result};
use crate::hub::wire;
use crate::identity::{self, OwnPrinter, Protocol};
use crate::operate::quotas;
use crate::purchases::find_licence;
use crate::schema::value::{parsed, to_timestamp};
use crate::schema::{job, listing, release};
use crate::state::AppState;
use crate::{facts, random};

/// Whose print of what, where.
#[derive(Clone, Debug)]
pub(crate) struct PrintOrder {
    id: JobId,
    owner: AccountId,
    licence: String,
    printer: String,
    release: Option<String>,
}

impl PrintOrder {
    pub(crate) fn new(
        owner: &AccountId,
        licence: String,
        printer: String,
        release: Option<String>,
    ) -> Result<Self> {
        Ok(Self { id: JobId::generate(&random::bytes()?), owner: owner.clone(), licence, printer, release })
    }
}

/// Makes the job.
pub(crate) async fn place(state: &AppState, tx: &Tx, order: &PrintOrder) -> Result<job::Model> {
    let now = state.clock.now_ms();
    let held = find_licence(tx, &order.licence).await?;
    if held.holder != order.owner.as_str() {
        return Err(Fault::not_found("licence"));
    }
    let printer = identity::of_owner(tx, &order.printer, &order.owner).await?;
    quotas::job(state, tx, order.owner.as_str()).await?;
    let licence = held.to_market()?;
    let listing = find_listing(tx, &held.listing).await?;
    let release = choose(tx, &held.listing, licence.covers.as_ref(), order.release.as_deref()).await?;
    let plan = Plan::of(&listing, &release, printer.protocol)?;
    let new = NewJob {
        id: order.id.clone(),
        release: parsed(&release.id)?,
        printer: printer.id.clone(),
        seal_once: plan.seal_once,
        expires_at: Some(to_timestamp(now).plus_seconds(state.config.job_expires_s)),
    };
    let step = create_job(new, licence, to_timestamp(now))?;
    held.save(tx, &step.licence).await?;
    let row = to_row(
        order,
        &Parts { listing: &listing, release: &release, printer: &printer, purchase: &held.purchase },
        &plan,
        &step.job,
        now,
    );
    job::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await?;
    let actor = Actor::User(order.owner.to_string());
    facts::record(tx, now, &actor, &format!("job:{}", row.id), &step.facts)?;
    super::change::tell(tx, state.hub.live(), &row, false).await?;
    let (shared, waiting) = (state.clone(), row.printer.clone());
    if step.effects.contains(&Effect::StartSealing) {
        tx.after_commit(move || shared.sealing.notify_one());
    } else {
        wire::tell(tx, &state.hub, wire::Kind::Jobs, &waiting).await?;
        tx.after_commit(move || shared.hub.ring_jobs(&waiting));
    }
    Ok(row)
}

/// What a job is made of.
struct Parts<'a> {
    listing: &'a listing::Model,
    release: &'a release::Model,
    printer: &'a OwnPrinter,
    purchase: &'a str,
}

/// How a job's blob comes to be.
struct Plan {
    cipher: ContentCipher,
    seal_once: bool,
}

impl Plan {
    /// LMNT printers read `aes-256-cbc` alone; ours read both.
    fn of(listing: &listing::Model, release: &release::Model, protocol: Protocol) -> Result<Self> {
        let sealpost_agent = protocol == Protocol::Sealpost;
        let wanted = if sealpost_agent { ContentCipher::Age } else { ContentCipher::Aes256Cbc };
        let stored: ContentCipher = parsed(&release.cipher)?;
        let readable = sealpost_agent || stored == wanted;
        let terms: market::Terms = serde_json::from_str(&listing.terms)?;
        Ok(if terms.seal_once && readable {
            Self { cipher: stored, seal_once: true }
        } else {
            Self { cipher: wanted, seal_once: false }
        })
    }
}

async fn choose(
    tx: &Tx,
    listing: &str,
    covers: Option<&market::Version>,
    wanted: Option<&str>,
) -> Result<release::Model> {
    let rows = release::Entity::find().filter(release::Column::Listing.eq(listing)).all(tx).await?;
    let releases = rows.iter().map(release::Model::to_market).collect::<Result<Vec<_>>>()?;
    let wanted = match wanted {
        Some(id) => {
            let named = releases.iter().find(|release| release.id.as_str() == id);
            Some(&named.ok_or(market::RuleError::NoRelease)?.version)
        }
        None => None,
    };
    let chosen = pick_release(&releases, covers, wanted)?.id.clone();
    rows.into_iter().find(|row| row.id == chosen.as_str()).ok_or_else(|| Fault::not_found("release"))
}

fn to_row(order: &PrintOrder, parts: &Parts<'_>, plan: &Plan, job: &market::Job, now: i64) -> job::Model {
    let Parts { listing, release, printer, purchase } = parts;
    // A preview that cannot be read shows nothing, and prints all the same.
    let preview =
        serde_json::from_str::<Option<Preview>>(&release.preview).ok().flatten().unwrap_or_default();
    let reused = plan.seal_once.then_some(*release);
    job::Model {
        id: job.id.to_string(),
        licence: job.licence.to_string(),
        purchase: (*purchase).to_owned(),
        listing: listing.id.clone(),
        release: job.release.to_string(),
        printer: job.printer.to_string(),
        printer_name: printer.name.clone(),
        owner: order.owner.to_string(),
        title: listing.title.clone(),
        state: job.state.as_str().to_owned(),
        lease: 0,
        lease_until: None,
        nonce: None,
        key_released: false,
        started: false,
        expires_at: job.expires_at.map(crate::schema::value::to_ms),
        reports: "[]".to_owned(),
        message: None,
        cancel_requested: false,
        free_retry: false,
        restored: false,
        held_for: None,
        lost: false,
        publisher: listing.publisher.clone(),
        layers: preview.layers.map(crate::schema::value::stored),
        estimated_s: preview.estimated_time_s.map(u64::cast_signed),
        pictured: preview.thumbnail_url.is_some(),
        started_at: None,
        ended_at: None,
        progress_permille: 0,
        layer: None,
        filament_used_mm_x100: None,
        print_duration_s: None,
        total_duration_s: None,
        seal_once: plan.seal_once,
        cipher: plan.cipher.to_string(),
        iv: reused.and_then(|release| release.iv.clone()),
        blob: reused.map(|release| release.blob.clone()),
        blob_size: reused.map_or(0, |release| release.blob_size),
        blob_sha256: reused.map(|release| release.blob_sha256.clone()).unwrap_or_default(),
        created_at: now,
        updated_at: now,
        row_version: 1,
    }
}
