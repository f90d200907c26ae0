//! What every handler shares, and how a store is opened.

use std::ops::Deref;
use std::sync::Arc;

use sealpost_database::{Clock, Database};

use crate::{Config, Error};

/// An open store.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) state: AppState,
}

/// What every handler shares. Cheap to clone.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) origin: String,
    pub(crate) clock: Clock,
    pub(crate) db: Database,
}

impl Store {
    /// Opens the store: folders, keys, database, and what an earlier run left unfinished.
    ///
    /// # Errors
    /// Settings that make no sense, and whatever of folders, keys or database cannot be used.
    pub async fn open(config: Config) -> Result<Self, Error> {
        Self::open_at(config, Clock::system()).await
    }

    /// As [`Store::open`], with the time taken from `clock`.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_at(config: Config, clock: Clock) -> Result<Self, Error> {
        make_folder(&config.data_dir)?;
        let db = Database::connect(&config.database_address()).await?;
        db.migrate(crate::migrations::all()).await?;
        let origin = config.origin();
        Ok(Self { state: AppState(Arc::new(Shared { config, origin, clock, db })) })
    }

    /// The whole HTTP service.
    pub fn router(&self) -> axum::Router {
        crate::app::router(self.state.clone())
    }
}

impl Deref for AppState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppState").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// A folder for its owner alone.
fn make_folder(path: &std::path::Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| Error::io(path, error))
}
