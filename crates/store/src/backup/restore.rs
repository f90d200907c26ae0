//! Making a store of a backup. Until the last transaction, in which also everything happens that a restored store has to forget, the
//! database says that it is not finished: no store opens it, and the restore can be begun again.

use std::io::Read;
use std::path::Path;

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sealpost_database::{Clock, Database, Hold, Use};
use serde::{Deserialize, Serialize};

use super::manifest::{Contents, Manifest};
use super::mark;
use super::read::Opened;
use super::tables::{self, MARKER, quoted};
use super::target::Target;
use super::{BackupError, Progress, rewind};
use crate::open::make_folder;
use crate::{Config, random};

/// What a restore made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// What was in it.
    pub contents: Contents,
    /// Jobs that wait to hear from their printers what became of them since.
    pub held_jobs: u64,
}

/// Where the files of a restore lie: those of one that was not finished may be replaced.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
struct Begun {
    blobs: String,
    keys: String,
    /// Which restore: random.
    #[serde(default)]
    run: String,
    /// What marks the files: random, and kept by a restore that goes on where one was not finished.
    #[serde(default)]
    mark: String,
}

impl Begun {
    fn is_at(&self, other: &Self) -> bool {
        (&self.blobs, &self.keys) == (&other.blobs, &other.keys)
    }
}

/// Makes a store of a backup where there is none.
///
/// # Errors
/// A place that is not empty, before anything is changed; whatever is wrong with the backup.
pub async fn restore<R: Read>(
    config: Config,
    clock: Clock,
    backup: Opened<R>,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Restored, BackupError> {
    config.check()?;
    let mut begun = Begun {
        blobs: absolute(&config.blob_path()),
        keys: absolute(&config.kek_path()),
        run: hex::encode(random::bytes::<16>()?),
        mark: hex::encode(random::bytes::<16>()?),
    };
    let (db, _alone) = begin(&config, &mut begun).await?;
    clear(&db, &config).await?;
    mark::put(&config, &begun.mark)?;

    let manifest = backup.manifest.clone();
    let mut older = crate::migrations::all();
    older.retain(|migration| manifest.migrations.iter().any(|name| name == migration.name()));
    db.migrate(older).await?;
    let mut target = Target::open(&db, &config, &manifest).await?;
    let contents = backup.pass_to(&mut target, progress).await?;
    if contents.keys != 1 {
        return Err(BackupError::Damaged("the keys are not in it".to_owned()));
    }
    target.finish(&contents).await?;
    db.migrate(crate::migrations::all()).await?;
    let held_jobs = rewind::finish(&db, clock.now_ms(), &manifest, &serde_json::to_string(&begun)?).await?;
    db.close().await?;
    mark::remove(&config);
    Ok(Restored { manifest, contents, held_jobs })
}

/// Looks that nothing is there, and notes that a restore has begun, before anything else is written.
async fn begin(config: &Config, begun: &mut Begun) -> Result<(Database, Hold), BackupError> {
    let address = config.database_address();
    if let Some(file) = sqlite_file(&address) {
        if !Path::new(file).exists() {
            check_files(config)?;
        }
        make_folder(&config.data_dir)?;
    }
    let db = Database::connect(&address).await?;
    // Looked at before too, because what is there says more than who uses it.
    check_place(&db, config, begun).await?;
    let alone = Hold::take(&address, Use::Alone).await?.ok_or(BackupError::InUse)?;
    if let Some(mark) = check_place(&db, config, begun).await? {
        begun.mark = mark;
    }
    make_folder(&config.data_dir)?;
    let note = serde_json::to_string(&*begun)?.replace('\'', "''");
    db.write(move |tx| {
        let note = note.clone();
        Box::pin(async move {
            tx.execute_unprepared(&format!("CREATE TABLE IF NOT EXISTS {MARKER} (begun text NOT NULL)"))
                .await?;
            tx.execute_unprepared(&format!("DELETE FROM {MARKER}")).await?;
            tx.execute_unprepared(&format!("INSERT INTO {MARKER} (begun) VALUES ('{note}')")).await?;
            Ok::<_, DbErr>(())
        })
    })
    .await?;
    Ok((db, alone))
}

/// Looks that nothing is there, or what a restore into the same places left: then its mark.
async fn check_place(db: &Database, config: &Config, begun: &Begun) -> Result<Option<String>, BackupError> {
    let names = tables::names(db.read()).await?;
    let earlier = earlier(db, &names).await?;
    if earlier.is_none() && !names.is_empty() {
        return Err(BackupError::NotEmpty("the database is not empty".to_owned()));
    }
    match earlier.filter(|earlier| earlier.is_at(begun)) {
        // Since then, somebody may have made a store there of another database.
        Some(earlier) if mark::is_on_all(config, &earlier.mark)? => Ok(Some(earlier.mark)),
        _ => check_files(config).map(|()| None),
    }
}

/// What an earlier restore noted that was not finished.
async fn earlier(db: &Database, names: &[String]) -> Result<Option<Begun>, BackupError> {
    if !names.iter().any(|name| name == MARKER) {
        return Ok(None);
    }
    let rows = tables::Ask::ask(db.read(), &format!("SELECT begun FROM {MARKER}")).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let note: String = row.try_get_by_index(0)?;
    Ok(serde_json::from_str(&note).ok())
}

fn check_files(config: &Config) -> Result<(), BackupError> {
    let (blobs, keys) = (config.blob_path(), config.kek_path());
    let used = std::fs::read_dir(&blobs).is_ok_and(|mut entries| entries.next().is_some());
    if used {
        return Err(BackupError::NotEmpty(format!("there are sealed files in {}", blobs.display())));
    }
    if keys.symlink_metadata().is_ok() {
        return Err(BackupError::NotEmpty(format!("there are keys in {}", keys.display())));
    }
    Ok(())
}

/// Takes away what an earlier restore left.
async fn clear(db: &Database, config: &Config) -> Result<(), BackupError> {
    let mut drops: Vec<String> = tables::names(db.read())
        .await?
        .iter()
        .filter(|name| *name != MARKER)
        .map(|name| format!("DROP TABLE {}", quoted(name)))
        .collect();
    if db.backend() == DbBackend::Postgres {
        // Functions of triggers outlive their tables.
        let functions = "SELECT format('DROP FUNCTION %I()', proname) FROM pg_proc \
             WHERE pronamespace = current_schema()::regnamespace AND prorettype = 'trigger'::regtype \
             AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')";
        for row in tables::Ask::ask(db.read(), functions).await? {
            drops.push(row.try_get_by_index(0)?);
        }
    }
    db.write(move |tx| {
        let drops = drops.clone();
        Box::pin(async move {
            for drop in &drops {
                tx.execute_unprepared(drop).await?;
            }
            Ok::<_, DbErr>(())
        })
    })
    .await?;
    let blobs = config.blob_path();
    make_folder(&blobs)?;
    mark::clear_folder(&blobs).map_err(|error| crate::Error::io(&blobs, error))?;
    let keys = config.kek_path();
    match std::fs::remove_file(&keys) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(crate::Error::io(&keys, error).into())
        }
        _ => Ok(()),
    }
}

/// The file of a SQLite database; none for another one.
pub(super) fn sqlite_file(address: &str) -> Option<&str> {
    let rest = address.strip_prefix("sqlite:")?;
    rest.strip_prefix("//").unwrap_or(rest).split('?').next()
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}
