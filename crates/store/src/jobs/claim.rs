//! A claim: the key leaves the vault for one printer, once for each lease.

use sealpost_accounts::Actor;
use sealpost_api::printer::ClaimedJob;
use sealpost_database::Tx;
use sealpost_database::clock::rfc3339;
use sealpost_envelope::manifest::package_hash;
use sealpost_envelope::{ContentCipher, JobManifest, SigningKey, nacl_box};
use sealpost_market::{JobEvent, JobState, Nonce, RuleError};

use super::change::{Change, change, find};
use super::{lost, restored};
use crate::fault::{Fault, Result};
use crate::identity::AgentAuth;
use crate::schema::value::{named, parsed, to_timestamp};
use crate::schema::{job, release};
use crate::state::AppState;
use crate::{random, vault};

/// What becomes of a claim that is no failure.
pub(crate) enum Answered {
    Claimed(Box<ClaimedJob>),
    /// Its key was lost: it is sealed anew first.
    SealedAnew,
    /// Its release's key was lost, which cannot be made anew.
    KeyMissing,
}

/// Claims a job for the printer that asks, under this nonce and after that lease.
pub(crate) async fn claim(
    state: &AppState,
    tx: &Tx,
    agent: &AgentAuth,
    job: &str,
    (nonce, after): (&Nonce, Option<u64>),
    signer: &SigningKey,
) -> Result<Answered> {
    let now = state.clock.now_ms();
    let row = find(tx, job).await?;
    if !agent.may_print(&row) {
        return Err(Fault::not_found("job"));
    }
    if restored::is_open(&row) {
        if !restored::is_remembered(&row, agent) {
            return Err(RuleError::JobState { state: named(&row.state)?, action: "claimed" }.into());
        }
        if restored::is_to_be_sealed(&row) {
            return Err(restored::sealed_soon());
        }
    }
    if lost::is_unsealed(&row) {
        return Err(restored::sealed_soon());
    }
    let holder = if row.seal_once { &row.release } else { &row.id };
    let lose = async |more| {
        let event = JobEvent::BlobLost;
        change(tx, &row, Change { event, actor: &Actor::System, more, hub: Some(&state.hub), now }).await
    };
    let claimed = row.state == JobState::Processing.as_str();
    let may_be_given = claimed || row.state == JobState::ReadyToPrint.as_str() || restored::is_open(&row);
    if may_be_given && !row.started && row.blob.is_some() && !vault::holds(tx, holder).await? {
        tracing::error!(job, holder, "the key of a job is gone");
        if !row.seal_once {
            lose(job::Model::without_blob()).await?;
            return Ok(Answered::SealedAnew);
        }
        if claimed && !row.lost {
            lose(job::ActiveModel::default()).await?;
        }
        return Ok(Answered::KeyMissing);
    }
    let lease_seconds = state.config.lease_processing_s;
    let event = JobEvent::Claim {
        printer: agent.id.clone(),
        nonce: nonce.clone(),
        after,
        lease_until: to_timestamp(now).plus_seconds(lease_seconds),
    };
    let actor = Actor::Printer(agent.id.to_string());
    let more = job::ActiveModel::default();
    let step = change(tx, &row, Change { event, actor: &actor, more, hub: Some(&state.hub), now }).await?;
    let dek = match vault::open(state, tx, holder).await {
        // It was there a moment ago, and a claim that is only answered again locks no row: the job ended in between.
        Err(fault) if step.repeated && vault::is_missing(&fault) => return Err(Fault::Conflict),
        dek => dek?,
    };
    let package = nacl_box::wrap(&dek, &agent.public_key, &mut random::rng()).map_err(Fault::internal)?;
    let job_manifest = manifest(state, tx, &row, nonce, &package, now).await?;
    let job_manifest = job_manifest.sign(signer).map_err(Fault::internal)?;
    Ok(Answered::Claimed(Box::new(ClaimedJob {
        print_job_id: row.id.clone(),
        purchase_id: row.purchase.clone(),
        status: JobState::Processing,
        title: row.title.clone(),
        encrypted_gcode_download_url: download_url(&state.origin, &row.id),
        gcode_dek_encrypted_hex: package.clone(),
        gcode_dek_package: package,
        gcode_iv_hex: row.iv.clone(),
        cipher: row.cipher.clone(),
        job_manifest,
        lease: step.job.lease,
        lease_seconds: u64::from(lease_seconds),
        user_account_id: agent.owner.to_string(),
        printer_kek_id: agent.public_key.key_id(),
        created_at: rfc3339(row.created_at),
    })))
}

/// Where a job's blob is fetched: always the store itself, because printers send their token along.
pub(crate) fn download_url(origin: &str, job: &str) -> String {
    format!("{origin}/api/printer-agent/download-gcode?print_job_id={job}")
}

async fn manifest(
    state: &AppState,
    tx: &Tx,
    row: &job::Model,
    nonce: &Nonce,
    package: &str,
    now: i64,
) -> Result<JobManifest> {
    use sea_orm::EntityTrait;
    let release = release::Entity::find_by_id(&row.release).one(tx).await?;
    let release = release.ok_or_else(|| Fault::internal("the release of a job is missing"))?;
    let cipher: ContentCipher = parsed(&row.cipher)?;
    let iat = u64::try_from(now.div_euclid(1000)).map_err(Fault::internal)?;
    Ok(JobManifest {
        iss: state.origin.clone(),
        aud: row.printer.clone(),
        job: row.id.clone(),
        listing: row.listing.clone(),
        release: row.release.clone(),
        nonce: nonce.to_string(),
        cipher,
        iv: row.iv.as_deref().map(bytes).transpose()?,
        blob_sha256: bytes(&row.blob_sha256)?,
        blob_size: row.blob_size.unsigned_abs(),
        key_sha256: package_hash(package),
        plain_sha256: bytes(&release.plain_sha256)?,
        plain_size: release.plain_size.unsigned_abs(),
        iat,
        exp: iat + u64::from(state.config.manifest_valid_s),
    })
}

/// Bytes of a stored hex text.
pub(crate) fn bytes<const N: usize>(text: &str) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(Fault::internal)?;
    Ok(bytes)
}
