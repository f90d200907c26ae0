//! How connections are opened.

use std::time::Duration;

use sea_orm::sqlx::Connection as _;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

/// How long a SQLite connection waits for another process.
const BUSY: Duration = Duration::from_secs(10);

/// A connection that rested this long is asked whether it still works; asking before every statement would double its way.
const RESTED: Duration = Duration::from_secs(1);

/// The one connection that writes.
pub(crate) async fn sqlite_writer(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = quiet(url);
    options.min_connections(1).max_connections(1).map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .pragma("temp_store", "MEMORY")
            .pragma("secure_delete", "FAST")
            .pragma("journal_size_limit", "67108864")
    });
    Database::connect(options).await
}

/// Connections that refuse to write.
pub(crate) async fn sqlite_readers(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = quiet(url);
    options.min_connections(1).max_connections(8).map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(BUSY)
            .pragma("temp_store", "MEMORY")
            .pragma("query_only", "ON")
    });
    Database::connect(options).await
}

/// A pool for everything.
pub(crate) async fn postgres(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = quiet(url);
    options.min_connections(1).max_connections(16);
    options.map_sqlx_postgres_before_acquire(|connection, metadata| {
        Box::pin(async move {
            if metadata.idle_for >= RESTED {
                connection.ping().await?;
            }
            Ok(true)
        })
    });
    Database::connect(options).await
}

fn quiet(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .acquire_timeout(Duration::from_secs(30))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false);
    options
}
