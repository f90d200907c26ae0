//! Sealing a release anew for one job, in the background. A job that waits to be sealed is found again after a crash.
//!
//! What cannot be sealed (its release's file may be gone) is tried again ever later, and after all that never failed: it holds
//! nothing else up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::Actor;
use sealpost_envelope::{ContentCipher, Dek};
use sealpost_faults::{pass, point};
use sealpost_market::{JobEvent, JobState};

use super::change::{Change, change, find};
use super::claim::bytes;
use super::lost;
use super::restored;
use super::turn::Turn;
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
/// How long without a ring the next look comes, and after a first failure the next try.
const PAUSE: Duration = Duration::from_secs(5);
/// After many failures.
const LONGEST: Duration = Duration::from_secs(300);
/// How long a failure is remembered of a job that is not tried again: it waits no more.
const REMEMBERED: Duration = Duration::from_secs(3_600);

/// Jobs this process is sealing, or could not seal.
#[derive(Clone, Debug, Default)]
struct Tries(Arc<Mutex<HashMap<String, Try>>>);

#[derive(Clone, Copy, Debug, Default)]
struct Try {
    failures: u32,
    /// When to try again; while it is being sealed, never.
    again: Option<Instant>,
}

/// What is to be done about a job that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    First,
    Again,
    NotYet,
}

/// Seals what waits, until the store stops.
pub(crate) async fn work(state: AppState) {
    let tries = Tries::default();
    loop {
        let more = match waiting(&state, &tries).await {
            Ok(ids) => {
                let full = ids.len() as u64 >= BATCH;
                for id in ids {
                    start(&state, &tries, id).await;
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

/// Jobs to be sealed now: those that were never tried, oldest first, and then those that failed.
async fn waiting(state: &AppState, tries: &Tries) -> Result<Vec<String>> {
    let lives = Condition::any()
        .add(job::Column::ExpiresAt.is_null())
        .add(job::Column::ExpiresAt.gt(state.clock.now_ms()));
    let held = restored::unsealed().add(lives);
    let sealing = job::Column::State.eq(JobState::Sealing.as_str());
    let waits = Condition::any().add(sealing).add(held).add(lost::unsealed());
    let (mut due, mut again) = (Vec::new(), Vec::new());
    let mut last = (i64::MIN, String::new());
    let now = Instant::now();
    loop {
        let after = Condition::any()
            .add(job::Column::CreatedAt.gt(last.0))
            .add(Condition::all().add(job::Column::CreatedAt.eq(last.0)).add(job::Column::Id.gt(&last.1)));
        let rows: Vec<(i64, String)> = job::Entity::find()
            .select_only()
            .columns([job::Column::CreatedAt, job::Column::Id])
            .filter(waits.clone())
            .filter(after)
            .order_by_asc(job::Column::CreatedAt)
            .order_by_asc(job::Column::Id)
            .limit(BATCH)
            .into_tuple()
            .all(state.db.read())
            .await?;
        for (_, id) in &rows {
            match tries.due(id, now) {
                Due::First => due.push(id.clone()),
                Due::Again => again.push(id.clone()),
                Due::NotYet => {}
            }
        }
        match rows.into_iter().next_back().filter(|_| (due.len() as u64) < BATCH) {
            Some(row) => last = row,
            None => break,
        }
    }
    let room = (BATCH as usize).saturating_sub(due.len());
    due.extend(again.into_iter().take(room));
    due.iter().for_each(|id| tries.begin(id));
    tries.forget(now);
    Ok(due)
}

async fn start(state: &AppState, tries: &Tries, id: String) {
    let Ok(permit) = state.sealings.clone().acquire_owned().await else { return };
    let (state, tries) = (state.clone(), tries.clone());
    tokio::spawn(async move {
        let sealed = seal(&state, &id).await;
        drop(permit);
        match sealed {
            Ok(true) => tries.done(&id),
            // Another process is at it: should that be killed, its turn runs out.
            Ok(false) => tries.later(&id, Instant::now()),
            Err(fault) => {
                match fault {
                    // It was cancelled meanwhile.
                    Fault::Problem(problem) if problem.status < 500 => {
                        tracing::info!(job = id, %problem, "a job was not sealed")
                    }
                    fault => {
                        tracing::error!(job = id, problem = %fault.problem(), "a job could not be sealed")
                    }
                }
                tries.failed(&id, Instant::now());
            }
        }
    });
}

/// Whether it was this process's turn.
pub(crate) async fn seal(state: &AppState, id: &str) -> Result<bool> {
    let Some(mut turn) = Turn::take(state, id).await? else { return Ok(false) };
    tokio::select! {
        sealed = seal_whole(state, id) => sealed.map(|()| true),
        () = turn.lost() => {
            tracing::warn!(job = id, turn = turn.owner(), "a job is sealed by another process: this one was too slow");
            Ok(false)
        }
    }
}

/// Whoever had the turn before may have sealed it.
fn is_waiting(row: &job::Model) -> bool {
    row.state == JobState::Sealing.as_str() || restored::is_to_be_sealed(row) || lost::is_unsealed(row)
}

async fn seal_whole(state: &AppState, id: &str) -> Result<()> {
    let row = &find(state.db.read(), id).await?;
    if !is_waiting(row) {
        return Ok(());
    }
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
                if !is_waiting(&row) {
                    return Err(Fault::invalid("The job waits no more.", "Nothing to do."));
                }
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

impl Tries {
    fn due(&self, job: &str, now: Instant) -> Due {
        match self.locked().get(job) {
            None => Due::First,
            Some(Try { again: Some(again), .. }) if *again <= now => Due::Again,
            Some(_) => Due::NotYet,
        }
    }

    fn begin(&self, job: &str) {
        self.locked().entry(job.to_owned()).or_default().again = None;
    }

    fn done(&self, job: &str) {
        self.locked().remove(job);
    }

    fn later(&self, job: &str, now: Instant) {
        self.locked().entry(job.to_owned()).or_default().again = Some(now + PAUSE);
    }

    fn failed(&self, job: &str, now: Instant) {
        let mut tries = self.locked();
        let failed = tries.entry(job.to_owned()).or_default();
        failed.again = Some(now + PAUSE.saturating_mul(1 << failed.failures.min(16)).min(LONGEST));
        failed.failures = failed.failures.saturating_add(1);
    }

    /// Failures of jobs that could have been tried again long since.
    fn forget(&self, now: Instant) {
        self.locked().retain(|_, one| one.again.is_none_or(|again| now < again + REMEMBERED));
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Try>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_tried_again_ever_later_and_begins_anew_when_it_was_sealed() {
        let (tries, now) = (Tries::default(), Instant::now());
        assert_eq!(tries.due("job", now), Due::First);
        for pause_s in [5, 10, 20, 40, 80, 160, 300, 300] {
            tries.begin("job");
            assert_eq!(tries.due("job", now + LONGEST), Due::NotYet, "it is being sealed");
            tries.failed("job", now);
            let pause = Duration::from_secs(pause_s);
            assert_eq!(tries.due("job", now + pause.saturating_sub(Duration::from_millis(1))), Due::NotYet);
            assert_eq!(tries.due("job", now + pause), Due::Again);
        }
        tries.forget(now + LONGEST);
        assert_eq!(tries.due("job", now + LONGEST), Due::Again);
        tries.forget(now + LONGEST + REMEMBERED);
        assert_eq!(tries.due("job", now), Due::First);
    }
}
