//! Looking through everything: files that nobody needs and no note tells of, and rows whose files are gone.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::Actor;
use sealpost_market::{JobEvent, JobState};

use super::{BlobError, Found};
use crate::fault::{Fault, Result};
use crate::jobs::{self, Change};
use crate::schema::{job, pending_blob, release};
use crate::state::AppState;

/// How often everything is looked through.
const EVERY: Duration = Duration::from_secs(6 * 3600);
/// A file younger than this is left alone: somebody may be putting back what was lost.
const YOUNG_MS: i64 = 3_600_000;
/// Rows looked at together.
const BATCH: u64 = 256;

/// What one look found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Audit {
    /// Files that were removed.
    pub(crate) removed: u64,
    /// Files that no store writes; left alone.
    pub(crate) strange: u64,
    /// Releases whose files are gone.
    pub(crate) lost_releases: u64,
    /// Waiting jobs whose files were gone; they are sealed anew.
    pub(crate) lost_jobs: u64,
    /// Jobs whose files are gone while their printers fetch them: they are sealed anew, and may be claimed again or fail without a cost.
    pub(crate) lost_claims: u64,
    /// What could not be looked at or removed.
    pub(crate) failed: u64,
}

/// The last look of this process.
#[derive(Debug, Default)]
pub(crate) struct Looked(Mutex<Option<Audit>>);

impl Looked {
    pub(crate) fn get(&self) -> Option<Audit> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at once and then now and then, until the store stops.
pub(crate) async fn work(state: AppState) {
    loop {
        let audit = look(&state).await;
        *state.looked.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(audit);
        if audit != Audit::default() {
            tracing::warn!(?audit, "the sealed files were not those that are needed");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Removes files that nobody needs; has jobs sealed anew whose files are gone. What cannot be looked at holds up nothing else.
pub(crate) async fn look(state: &AppState) -> Audit {
    let mut audit = Audit::default();
    let mut found = state.blobs.list();
    while let Some(batch) = found.next().await {
        let looked = match batch {
            Ok(batch) => remove_needless(state, batch, &mut audit).await,
            Err(error) => Err(error.into()),
        };
        audit.saw(looked, "sealed files");
    }
    let looked = releases(state, &mut audit).await;
    audit.saw(looked, "releases");
    let looked = open_jobs(state, &mut audit).await;
    audit.saw(looked, "jobs");
    audit
}

/// Whether a release or a job under way has this blob.
pub(super) async fn is_owned(db: &impl ConnectionTrait, name: &str) -> Result<bool> {
    Ok(!owned(db, &HashSet::from([name])).await?.is_empty())
}

impl Audit {
    fn saw<T>(&mut self, looked: Result<T>, what: &str) -> Option<T> {
        looked
            .map_err(|fault| {
                self.failed += 1;
                tracing::error!(what, problem = %fault.problem(), "sealed files could not be looked through");
            })
            .ok()
    }
}

async fn remove_needless(state: &AppState, found: Vec<Found>, audit: &mut Audit) -> Result<()> {
    let now = state.clock.now_ms();
    let (found, strange): (Vec<_>, Vec<_>) = found
        .into_iter()
        .filter(|found| found.changed_ms <= now - YOUNG_MS)
        .partition(|found| owner(&found.name).is_some());
    audit.strange += strange.len() as u64;
    let names: HashSet<&str> = found.iter().map(|found| found.name.as_str()).collect();
    // Notes first: a blob goes from its note to its owner, so whoever has neither now has lost both.
    let noted = noted(state, &names).await?;
    let owned = owned(state.db.read(), &names).await?;
    for Found { name, place, .. } in &found {
        let needed = noted.contains(name) || (name == place && owned.contains(name));
        if !needed && state.clean_blobs {
            let deleted = state.blobs.delete(place).await.map_err(Fault::from);
            audit.removed += u64::from(audit.saw(deleted, place).is_some());
        }
    }
    Ok(())
}

async fn noted(state: &AppState, names: &HashSet<&str>) -> Result<HashSet<String>> {
    let notes = pending_blob::Entity::find().filter(pending_blob::Column::Id.is_in(names.iter().copied()));
    Ok(notes.all(state.db.read()).await?.into_iter().map(|note| note.id).collect())
}

/// Those of these names that releases and jobs under way have.
async fn owned(db: &impl ConnectionTrait, names: &HashSet<&str>) -> Result<HashSet<String>> {
    let mut ids: HashMap<&str, Vec<&str>> = HashMap::new();
    for (kind, id) in names.iter().filter_map(|name| owner(name)) {
        ids.entry(kind).or_default().push(id);
    }
    let mut take = |kind| ids.remove(kind).unwrap_or_default();
    let releases: Vec<String> = release::Entity::find()
        .select_only()
        .column(release::Column::Blob)
        .filter(release::Column::Id.is_in(take("releases")))
        .into_tuple()
        .all(db)
        .await?;
    let jobs: Vec<(Option<String>, String)> = job::Entity::find()
        .select_only()
        .columns([job::Column::Blob, job::Column::State])
        .filter(job::Column::Id.is_in(take("jobs")))
        .into_tuple()
        .all(db)
        .await?;
    let open = |state: &str| state.parse().is_ok_and(|state: JobState| !state.is_final());
    let jobs = jobs.into_iter().filter(|(_, state)| open(state)).filter_map(|(blob, _)| blob);
    Ok(releases.into_iter().chain(jobs).collect())
}

/// Of what kind the owner of a blob is, and its id.
fn owner(name: &str) -> Option<(&str, &str)> {
    match name.split_once('/').filter(|(_, rest)| !rest.contains('/'))? {
        ("jobs", rest) => {
            let (id, unique) = rest.rsplit_once('-')?;
            (unique.len() == 16).then_some(("jobs", id))
        }
        ("releases", id) => Some(("releases", id)),
        _ => None,
    }
}

async fn releases(state: &AppState, audit: &mut Audit) -> Result<()> {
    let mut last = String::new();
    loop {
        let rows: Vec<(String, String)> = release::Entity::find()
            .select_only()
            .columns([release::Column::Id, release::Column::Blob])
            .filter(release::Column::Id.gt(&last))
            .order_by_asc(release::Column::Id)
            .limit(BATCH)
            .into_tuple()
            .all(state.db.read())
            .await?;
        for (id, blob) in &rows {
            let gone = is_gone(state, blob).await;
            if audit.saw(gone, id) == Some(true) {
                tracing::error!(
                    release = id,
                    blob,
                    "a sealed file that was sold is gone: put it back from a backup"
                );
                audit.lost_releases += 1;
            }
        }
        let Some((id, _)) = rows.last() else { return Ok(()) };
        last.clone_from(id);
    }
}

/// Looks at jobs that were not started yet: those that wait, those that a restored store holds, and those that printers fetch.
async fn open_jobs(state: &AppState, audit: &mut Audit) -> Result<()> {
    let mut last = String::new();
    let states =
        [JobState::ReadyToPrint.as_str(), JobState::Interrupted.as_str(), JobState::Processing.as_str()];
    loop {
        let rows: Vec<(String, String, String)> = job::Entity::find()
            .select_only()
            .columns([job::Column::Id, job::Column::State, job::Column::Blob])
            .filter(job::Column::State.is_in(states))
            .filter(job::Column::Started.eq(false))
            .filter(job::Column::SealOnce.eq(false))
            .filter(job::Column::Blob.is_not_null())
            .filter(job::Column::Id.gt(&last))
            .order_by_asc(job::Column::Id)
            .limit(BATCH)
            .into_tuple()
            .all(state.db.read())
            .await?;
        for (id, stands, blob) in &rows {
            let looked = lost(state, id, stands, blob).await;
            match audit.saw(looked, id).flatten() {
                Some(Lost::SealedAnew) => audit.lost_jobs += 1,
                Some(Lost::Claimed) => audit.lost_claims += 1,
                None => {}
            }
        }
        let Some((id, ..)) = rows.last() else { return Ok(()) };
        last.clone_from(id);
    }
}

/// What becomes of a job whose file is gone.
enum Lost {
    SealedAnew,
    Claimed,
}

async fn lost(state: &AppState, id: &str, stands: &str, blob: &str) -> Result<Option<Lost>> {
    if !is_gone(state, blob).await? {
        return Ok(None);
    }
    if !seal_anew(state, id, blob).await? {
        return Ok(None);
    }
    tracing::error!(job = id, stands, "the sealed file of a job is gone; it is sealed anew");
    Ok(Some(if stands == JobState::Processing.as_str() { Lost::Claimed } else { Lost::SealedAnew }))
}

pub(crate) async fn is_gone(state: &AppState, blob: &str) -> Result<bool> {
    match state.blobs.read(blob, 0..1).await {
        Ok(_) => Ok(false),
        Err(BlobError::Missing) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Whether the job still waits with this blob of its own, or was claimed and not started, and is sealed anew now.
pub(crate) async fn seal_anew(state: &AppState, id: &str, blob: &str) -> Result<bool> {
    let (shared, id, blob) = (state.clone(), id.to_owned(), blob.to_owned());
    let done = state
        .db
        .write(move |tx| {
            let (state, id, blob) = (shared.clone(), id.clone(), blob.clone());
            Box::pin(async move {
                let row = jobs::find(tx, &id).await?;
                if row.blob.as_ref() != Some(&blob) {
                    return Ok(false);
                }
                let (event, more) = (JobEvent::BlobLost, job::Model::without_blob());
                let (now, actor) = (state.clock.now_ms(), Actor::System);
                let change = Change { event, actor: &actor, more, hub: Some(&state.hub), now };
                jobs::change(tx, &row, change).await?;
                Ok(true)
            })
        })
        .await;
    match done {
        // It was claimed or ended meanwhile.
        Err(Fault::Problem(_)) => Ok(false),
        done => {
            state.sealing.notify_one();
            done
        }
    }
}
