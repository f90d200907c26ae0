//! What is left in the database of the stores.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use sealpost_market::JobState;
use serde_json::Value;
use sqlx::{Connection, PgConnection, Row};

/// Everything that the rules are held against.
pub(crate) struct Books {
    pub(crate) jobs: BTreeMap<String, JobRow>,
    pub(crate) licences: BTreeMap<String, LicenceRow>,
    /// Facts of the audit log, in its order.
    pub(crate) facts: Vec<Value>,
    /// Blobs that somebody writes, or was writing when it was killed, by name.
    pub(crate) pending: Vec<String>,
    /// Blobs of everything that was published, by name.
    pub(crate) releases: Vec<String>,
}

/// A job.
pub(crate) struct JobRow {
    pub(crate) licence: String,
    pub(crate) state: JobState,
    pub(crate) lease: i64,
    pub(crate) key_released: bool,
    pub(crate) message: Option<String>,
    pub(crate) blob: Option<String>,
}

/// A licence.
#[derive(Debug)]
pub(crate) struct LicenceRow {
    pub(crate) allowed: i32,
    pub(crate) used: i32,
    pub(crate) reserved: i32,
    pub(crate) free_retries: i32,
    pub(crate) free_retries_used: i32,
    pub(crate) keys_released: i32,
}

impl Books {
    /// Reads them.
    pub(crate) async fn read(database: &str) -> Result<Self> {
        let mut connection = PgConnection::connect(database).await?;
        let mut jobs = BTreeMap::new();
        let query = "SELECT id, licence, state, lease, key_released, message, blob FROM jobs";
        for row in sqlx::query(query).fetch_all(&mut connection).await? {
            let state: String = row.try_get("state")?;
            let job = JobRow {
                licence: row.try_get("licence")?,
                state: state.parse().ok().with_context(|| format!("a job is {state}"))?,
                lease: row.try_get("lease")?,
                key_released: row.try_get("key_released")?,
                message: row.try_get("message")?,
                blob: row.try_get("blob")?,
            };
            jobs.insert(row.try_get("id")?, job);
        }
        let mut licences = BTreeMap::new();
        let query = "SELECT id, allowed, used, reserved, free_retries, free_retries_used, keys_released FROM licences";
        for row in sqlx::query(query).fetch_all(&mut connection).await? {
            let licence = LicenceRow {
                allowed: row.try_get("allowed")?,
                used: row.try_get("used")?,
                reserved: row.try_get("reserved")?,
                free_retries: row.try_get("free_retries")?,
                free_retries_used: row.try_get("free_retries_used")?,
                keys_released: row.try_get("keys_released")?,
            };
            licences.insert(row.try_get("id")?, licence);
        }
        let mut facts = Vec::new();
        for row in sqlx::query("SELECT details FROM audit_log ORDER BY id").fetch_all(&mut connection).await?
        {
            let details: Value = serde_json::from_str(row.try_get("details")?)?;
            facts.extend(details["facts"].as_array().into_iter().flatten().cloned());
        }
        let pending =
            sqlx::query("SELECT id FROM pending_blobs WHERE NOT doomed").fetch_all(&mut connection).await?;
        let pending = pending.iter().map(|row| Ok(row.try_get("id")?)).collect::<Result<_>>()?;
        let releases = sqlx::query("SELECT blob FROM releases").fetch_all(&mut connection).await?;
        let releases = releases.iter().map(|row| Ok(row.try_get("blob")?)).collect::<Result<_>>()?;
        Ok(Self { jobs, licences, facts, pending, releases })
    }

    /// The facts of one kind about one job.
    pub(crate) fn about<'a>(&'a self, job: &'a str, fact: &'a str) -> impl Iterator<Item = &'a Value> {
        self.facts.iter().filter(move |said| said["job"] == job && said["fact"] == fact)
    }
}
