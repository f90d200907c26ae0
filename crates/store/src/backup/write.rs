//! Making a backup of a store that is in use: its tables in one state of the database, then its sealed files, then its keys.

use std::io::Write;
use std::path::Path;

use futures::StreamExt;
use sea_orm::DbBackend;
use sealpost_accounts::{Actor, audit};
use sealpost_database::{Clock, Database, Snapshot};
use sealpost_keyring::FileKeys;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::archive::{MANIFEST, Writer, line};
use super::keks::Keks;
use super::manifest::{Contents, FORMAT, Manifest, Table};
use super::restore::sqlite_file;
use super::spool::Spool;
use super::tables::{self, Live, quoted};
use super::{AUDIT_MADE, AUDIT_SUBJECT, BackupError, KEK, Progress};
use crate::Config;
use crate::blobs::{BlobError, Blobs, FolderBlobs};

/// Bytes of rows in one member.
const STEP: usize = 4 << 20;

/// A store that is to be backed up. Other processes may serve it.
#[derive(Debug)]
pub struct Backup {
    config: Config,
    clock: Clock,
    db: Database,
    blobs: FolderBlobs,
}

/// Where a backup lies, for those who look for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lies {
    /// Its name on the machine that made it; absent where it was sent on.
    pub target: Option<String>,
    /// Bytes of it, sealed.
    pub bytes: Option<u64>,
    /// Whether it was read back from there whole and opened.
    pub verified: bool,
}

/// A sealed file that a release needs.
struct Blob {
    name: String,
    size: u64,
    sha256: String,
}

impl Backup {
    /// Opens the store of these settings to read from.
    ///
    /// # Errors
    /// Settings that make no sense, no store, one of a newer program, one that is being restored.
    pub async fn open(config: Config, clock: Clock) -> Result<Self, BackupError> {
        config.check()?;
        let address = config.database_address();
        if let Some(file) = sqlite_file(&address)
            && !Path::new(file).exists()
        {
            return Err(BackupError::NoStore(file.to_owned()));
        }
        let db = Database::connect(&address).await?;
        if super::is_unfinished(&db).await? {
            return Err(BackupError::Unfinished);
        }
        let known: Vec<String> =
            crate::migrations::all().iter().map(|migration| migration.name().to_owned()).collect();
        let applied = tables::migrations(db.read()).await?;
        if let Some(newer) = applied.iter().find(|name| !known.contains(name)) {
            return Err(BackupError::NewerDatabase(newer.clone()));
        }
        if applied.is_empty() {
            return Err(BackupError::NoStore("this address: its database is empty".to_owned()));
        }
        let blobs = FolderBlobs::open(&config.blob_path(), false)
            .map_err(|error| crate::Error::Blobs(error.to_string()))?;
        Ok(Self { config, clock, db, blobs })
    }

    /// Writes it all to `out`, on the thread that polls this. With `allow_missing`, sealed files that are gone or damaged are
    /// counted and left out.
    ///
    /// # Errors
    /// The failure of `out` or of the store.
    pub async fn write(
        &self,
        out: &mut (dyn Write + Send),
        allow_missing: bool,
        progress: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<(Manifest, Contents), BackupError> {
        let now = self.clock.now_ms();
        let snapshot = self.db.snapshot().await?;
        let live = tables::all(&snapshot).await?;
        let manifest = self.manifest(&snapshot, &live, now).await?;
        let mut contents = Contents::default();
        let (mut spool, mut keks) = (Spool::new(&self.config.data_dir)?, Keks::default());
        for table in &live {
            progress(Progress::Table(&table.name));
            let rows = read_table(&mut spool, &mut keks, &snapshot, table).await?;
            contents.rows.insert(table.name.clone(), rows);
        }
        let blobs = blobs(&snapshot).await?;
        // What is read from here on never changes: the database is let go before anybody is waited for.
        snapshot.end().await?;
        let mut writer = Writer::new(out, u64::try_from(now.div_euclid(1000)).unwrap_or(0));
        writer.member(MANIFEST, &line(&manifest)?)?;
        spool.pour(&mut writer)?;
        let all_bytes = blobs.iter().map(|blob| blob.size).sum();
        for blob in &blobs {
            progress(Progress::Blobs { bytes: contents.blob_bytes, of: all_bytes });
            if self.write_blob(&mut writer, blob, allow_missing).await? {
                contents.blobs += 1;
                contents.blob_bytes += blob.size;
            } else {
                contents.missing.push(blob.name.clone());
            }
        }
        // Read after the tables: a key that was put in force meanwhile is there, and the older ones stay.
        let path = self.config.kek_path();
        let keys = FileKeys::open(&path).map_err(crate::Error::from)?;
        if !keks.are_in(&keys) {
            return Err(BackupError::OtherKeys(path));
        }
        writer.member(KEK, keys.document().as_bytes())?;
        contents.keys = 1;
        Ok((manifest, writer.finish(contents)?))
    }

    /// Notes in the store that a backup was made, once it lies where it is to lie.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn made(self, contents: &Contents, lies: &Lies) -> Result<(), BackupError> {
        let now = self.clock.now_ms();
        let details = json!({
            "rows": contents.rows.values().sum::<u64>(),
            "blobs": contents.blobs,
            "blob_bytes": contents.blob_bytes,
            "missing": contents.missing.len(),
            "target": lies.target,
            "bytes": lies.bytes,
            "verified": lies.verified,
        });
        self.db
            .write(move |tx| {
                let details = details.clone();
                Box::pin(async move {
                    audit::record(tx, now, &Actor::System, AUDIT_MADE, AUDIT_SUBJECT, details).await
                })
            })
            .await?;
        self.db.close().await?;
        Ok(())
    }

    async fn manifest(&self, snapshot: &Snapshot, live: &[Live], now: i64) -> Result<Manifest, BackupError> {
        let made_at = OffsetDateTime::from_unix_timestamp(now.div_euclid(1000))
            .ok()
            .and_then(|time| time.format(&Rfc3339).ok())
            .unwrap_or_default();
        let tables = live.iter().map(|table| Table {
            name: table.name.clone(),
            columns: table.columns.iter().map(|declared| declared.column.clone()).collect(),
        });
        Ok(Manifest {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            made_at,
            database: match snapshot.backend() {
                DbBackend::Postgres => "postgres",
                _ => "sqlite",
            }
            .to_owned(),
            origin: self.config.origin(),
            migrations: tables::migrations(snapshot).await?,
            tables: tables.collect(),
        })
    }

    /// Whether the file was there and whole.
    async fn write_blob(
        &self,
        writer: &mut Writer<'_>,
        blob: &Blob,
        allow_missing: bool,
    ) -> Result<bool, BackupError> {
        // What is begun cannot be left out any more: what may be left out is looked at twice.
        if allow_missing && !self.is_whole(blob).await? {
            return Ok(false);
        }
        let mut pieces = self.blobs.read(&blob.name, 0..blob.size).await.map_err(gone(blob))?;
        let mut member = writer.open(&format!("blobs/{}", blob.name), blob.size)?;
        while let Some(piece) = pieces.next().await {
            member.write(&piece.map_err(gone(blob))?)?;
        }
        if member.left() > 0 || member.close()? != blob.sha256 {
            return Err(BackupError::BlobMissing(blob.name.clone()));
        }
        Ok(true)
    }

    async fn is_whole(&self, blob: &Blob) -> Result<bool, BackupError> {
        let mut pieces = match self.blobs.read(&blob.name, 0..blob.size).await {
            Ok(pieces) => pieces,
            Err(BlobError::Missing) => return Ok(false),
            Err(error) => return Err(crate::Error::Blobs(error.to_string()).into()),
        };
        let (mut hash, mut size) = (Sha256::new(), 0);
        while let Some(piece) = pieces.next().await {
            let Ok(piece) = piece else { return Ok(false) };
            hash.update(&piece);
            size += piece.len() as u64;
        }
        Ok(size == blob.size && hex::encode(hash.finalize()) == blob.sha256)
    }
}

fn gone(blob: &Blob) -> impl Fn(BlobError) -> BackupError {
    let name = blob.name.clone();
    move |_| BackupError::BlobMissing(name.clone())
}

/// Puts the rows of a table aside, one line each, in members of some megabytes: how many there are.
async fn read_table(
    spool: &mut Spool,
    keks: &mut Keks,
    snapshot: &Snapshot,
    table: &Live,
) -> Result<u64, BackupError> {
    let sqlite = snapshot.backend() == DbBackend::Sqlite;
    let names: Vec<String> = table.columns.iter().map(|declared| quoted(&declared.column.name)).collect();
    let mut rows =
        snapshot.rows(&format!("SELECT {} FROM {}", names.join(", "), quoted(&table.name))).await?;
    let sealed = Keks::cell(&table.name, table.columns.iter().map(|one| one.column.name.as_str()));
    let (mut count, mut step) = (0, zeroize::Zeroizing::new(Vec::with_capacity(STEP)));
    let mut steps = 0;
    let mut put = |step: &mut Vec<u8>| {
        steps += 1;
        let written = spool.put(format!("tables/{}/{steps:06}.jsonl", table.name), step);
        step.clear();
        written
    };
    while let Some(row) = rows.next().await {
        let row = row?;
        let mut cells = Vec::with_capacity(table.columns.len());
        for (index, declared) in table.columns.iter().enumerate() {
            cells.push(declared.read(&row, index, sqlite)?);
        }
        keks.see(sealed.and_then(|at| cells.get(at)))?;
        step.extend_from_slice(&line(&cells)?);
        count += 1;
        if step.len() >= STEP {
            put(&mut step)?;
        }
    }
    if !step.is_empty() {
        put(&mut step)?;
    }
    Ok(count)
}

/// Sealed files of releases. Those of single jobs are left out: a job whose key is not out is sealed anew, and no other needs one.
async fn blobs(snapshot: &Snapshot) -> Result<Vec<Blob>, BackupError> {
    let rows = snapshot.all("SELECT blob, blob_size, blob_sha256 FROM releases ORDER BY blob").await?;
    let blobs = rows.iter().map(|row| {
        let size: i64 = row.try_get_by_index(1)?;
        let (name, sha256) = (row.try_get_by_index(0)?, row.try_get_by_index(2)?);
        Ok(Blob { name, size: size.unsigned_abs(), sha256 })
    });
    let mut blobs = blobs.collect::<Result<Vec<_>, sea_orm::DbErr>>()?;
    blobs.dedup_by(|one, other| one.name == other.name);
    Ok(blobs)
}
