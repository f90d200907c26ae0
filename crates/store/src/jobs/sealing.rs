//! Sealing a release anew for one job, in the background. A job that waits to be sealed is found again after a crash.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::Actor;
use sealpost_envelope::{ContentCipher, Dek};
use sealpost_faults::{pass, point};
use sealpost_market::{JobEvent, JobState};

use super::change::{Change, change, find};
use super::claim::bytes;
use super::restored;
use crate::blobs::pending;
use crate::fault::{Fault, Result};
use crate::pipe;
use crate::publish::Unowned;
use crate::schema::value::parsed;
use crate::schema::{job, release};
use crate::state::AppState;
use crate::streams::{self, Source, Written};
use crate::vault::{self, Sealed};
use crate::{points, random};

/// Jobs looked at together.
const BATCH: u64 = 64;
/// How long after a failure, or without a ring, the next look comes.
const PAUSE: Duration = Duration::from_secs(5);

/// Jobs this process is sealing.
#[derive(Clone, Debug, Default)]
struct Busy(Arc<Mutex<HashSet<String>>>);

/// Seals what waits, until the store stops.
pub(crate) async fn work(state: AppState) {
    let busy = Busy::default();
    loop {
        let more = match waiting(&state, &busy).await {
            Ok(rows) => {
                let full = rows.len() as u64 == BATCH;
                for row in rows {
                    start(&state, &busy, row).await;
                }
                full
            }
            Err(fault) => {
                tracing::error!(problem = %fault.problem(), "jobs that wait to be sealed cannot be read");
                false
            }
        };
        if !more {
            tokio::select! {
                () = state.sealing.notified() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

async fn waiting(state: &AppState, busy: &Busy) -> Result<Vec<job::Model>> {
    let mut rows = job::Entity::find()
        .filter(
            Condition::any().add(job::Column::State.eq(JobState::Sealing.as_str())).add(restored::unsealed()),
        )
        .filter(job::Column::Id.is_not_in(busy.all()))
        .order_by_asc(job::Column::CreatedAt)
        .limit(BATCH)
        .all(state.db.read())
        .await?;
    rows.retain(|row| busy.enter(&row.id));
    Ok(rows)
}

async fn start(state: &AppState, busy: &Busy, row: job::Model) {
    let Ok(permit) = state.sealings.clone().acquire_owned().await else { return };
    let (state, busy) = (state.clone(), busy.clone());
    tokio::spawn(async move {
        if let Err(fault) = seal(&state, &row).await {
            match fault {
                // It was cancelled meanwhile.
                Fault::Problem(problem) => tracing::info!(job = row.id, %problem, "a job was not sealed"),
                fault => {
                    tracing::error!(job = row.id, problem = %fault.problem(), "a job could not be sealed");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        drop(permit);
        busy.leave(&row.id);
    });
}

async fn seal(state: &AppState, row: &job::Model) -> Result<()> {
    let release = release::Entity::find_by_id(&row.release).one(state.db.read()).await?;
    let release = release.ok_or_else(|| Fault::internal("the release of a job is missing"))?;
    let name = format!("jobs/{}-{}", row.id, hex::encode(random::bytes::<8>()?));
    pass(points::SEAL)?;
    let blob = Unowned::announce(state, name).await?;
    let dek = Dek::generate(&mut random::rng());
    let written = write(state, row, &release, blob.name(), &dek).await?;
    point(points::SEALED);
    save(state, row, blob.name(), written, vault::seal(state, &row.id, &dek)?).await?;
    blob.keep();
    Ok(())
}

async fn write(
    state: &AppState,
    row: &job::Model,
    release: &release::Model,
    name: &str,
    dek: &Dek,
) -> Result<Written> {
    let source = Source {
        name: release.blob.clone(),
        size: release.blob_size.unsigned_abs(),
        cipher: parsed(&release.cipher)?,
        iv: release.iv.as_deref().map(bytes).transpose()?,
    };
    let cipher: ContentCipher = parsed(&row.cipher)?;
    let old = vault::open(state, state.db.read(), &release.id).await?;
    let (writer, pieces) = pipe::from_thread();
    let writing = {
        let (blobs, name) = (state.blobs.clone(), name.to_owned());
        tokio::spawn(async move { blobs.write(&name, pieces).await })
    };
    let (from, new) = (source.clone(), dek.clone());
    let sealed = streams::read_blob(state, &source, move |reader| {
        streams::seal_anew(reader, &from, &old, writer, cipher, &new)
    })
    .await;
    let stored = writing.await.map_err(Fault::internal)?;
    let (written, plain) = sealed?.map_err(|stopped| Fault::internal(format_args!("{stopped:?}")))?;
    stored?;
    if plain.hex() != release.plain_sha256 {
        return Err(Fault::internal("the blob of a release does not open to the file that was published"));
    }
    Ok(written)
}

async fn save(state: &AppState, row: &job::Model, blob: &str, written: Written, key: Sealed) -> Result<()> {
    let shared = Arc::new((state.clone(), row.id.clone(), blob.to_owned(), written, key));
    let done = state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, id, blob, written, key) = &*shared;
                let row = find(tx, id).await?;
                let more = job::ActiveModel {
                    blob: Set(Some(blob.clone())),
                    iv: Set(written.iv.map(hex::encode)),
                    blob_size: Set(written.blob.size.cast_signed()),
                    blob_sha256: Set(written.blob.hex()),
                    ..Default::default()
                };
                let now = state.clock.now_ms();
                let actor = Actor::System;
                let event = JobEvent::BlobWritten;
                let step =
                    change(tx, &row, Change { event, actor: &actor, more, hub: Some(&state.hub), now })
                        .await?;
                if step.repeated {
                    return Err(Fault::invalid("The job was sealed before.", "Nothing to do."));
                }
                vault::keep(tx, key).await?;
                pending::adopt(tx, blob).await?;
                Ok(points::SEALING.before()?)
            })
        })
        .await;
    points::SEALING.behind(done)
}

impl Busy {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn enter(&self, job: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(job.to_owned())
    }

    fn leave(&self, job: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(job);
    }
}
