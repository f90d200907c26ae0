#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod clock;
mod connect;
mod group;
mod hold;
mod later;
mod migrate;
mod retry;
mod snapshot;
#[cfg(test)]
mod tests;
mod tx;

use futures::future::BoxFuture;
use sea_orm::{DatabaseConnection, DbBackend, DbErr};
use sea_orm_migration::MigrationTrait;

pub use clock::Clock;
pub use hold::{Hold, Use};
pub use snapshot::Snapshot;
pub use tx::Tx;

/// Why a database could not be opened or brought up to date.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address names neither SQLite nor PostgreSQL.
    #[error("database address must begin with sqlite: or postgres:")]
    Address,
    /// The database answered with an error.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// An error that a closure of [`Database::write`] can end with.
pub trait Failure: From<DbErr> + Send + 'static {
    /// Whether running the same closure again can succeed: it read something that another writer changed meanwhile.
    fn is_transient(&self) -> bool;
}

impl Failure for DbErr {
    fn is_transient(&self) -> bool {
        is_serialization_failure(self)
    }
}

/// Whether PostgreSQL gave the transaction up in favour of another (SQLSTATE 40001 or 40P01).
pub fn is_serialization_failure(error: &DbErr) -> bool {
    retry::is_serialization_failure(error)
}

/// Whether PostgreSQL refused a text because it holds a NUL character (SQLSTATE 22021 or 22P05).
pub fn is_unstorable_text(error: &DbErr) -> bool {
    retry::is_unstorable_text(error)
}

/// One open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    read: DatabaseConnection,
    writer: Writer,
}

#[derive(Clone, Debug)]
enum Writer {
    Group(group::Group),
    Pool(DatabaseConnection),
}

impl Database {
    /// Opens the database at `url`, `sqlite:PATH` (made when it is missing) or `postgres://...`.
    ///
    /// # Errors
    /// An address of another kind, or a database that cannot be opened.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        if url.starts_with("sqlite:") {
            let writer = connect::sqlite_writer(url).await?;
            let read = connect::sqlite_readers(url).await?;
            Ok(Self { read, writer: Writer::Group(group::Group::start(writer)) })
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let pool = connect::postgres(url).await?;
            Ok(Self { read: pool.clone(), writer: Writer::Pool(pool) })
        } else {
            Err(Error::Address)
        }
    }

    /// Which of the two databases this is.
    pub fn backend(&self) -> DbBackend {
        self.read.get_database_backend()
    }

    /// Connections for queries.
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// One state of the whole database to read from, while others go on writing.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn snapshot(&self) -> Result<Snapshot, DbErr> {
        Snapshot::take(&self.read).await
    }

    /// Runs `work` in a transaction; what it wrote is durable when this returns `Ok`.
    ///
    /// The work goes on to its end when the caller stops waiting.
    ///
    /// # Errors
    /// What `work` ended with, or the failure of the database.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> Fn(&'t Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
        T: Send + 'static,
        E: Failure,
    {
        match &self.writer {
            Writer::Group(group) => group.run(work).await,
            Writer::Pool(pool) => retry::run(pool.clone(), work).await,
        }
    }

    /// Applies those of `migrations` that were not applied yet, in their order; other processes wait meanwhile.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn migrate(&self, migrations: Vec<Box<dyn MigrationTrait>>) -> Result<(), Error> {
        let connection = match &self.writer {
            Writer::Group(group) => group.connection(),
            Writer::Pool(pool) => pool,
        };
        migrate::up(connection, migrations).await?;
        Ok(())
    }

    /// Ends all connections after the work that waits.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn close(self) -> Result<(), Error> {
        if let Writer::Group(group) = self.writer {
            group.close().await?;
        }
        self.read.close().await?;
        Ok(())
    }
}
