//! Reading one state of the whole database while others go on writing.

use futures::{Stream, StreamExt};
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel,
    QueryResult, Statement, StreamTrait, TransactionOptions, TransactionTrait,
};

/// One state of the whole database: what others write meanwhile is not in it. On SQLite its log grows while one is open.
#[derive(Debug)]
pub struct Snapshot(DatabaseTransaction);

impl Snapshot {
    pub(crate) async fn take(connection: &DatabaseConnection) -> Result<Self, DbErr> {
        let mut options = TransactionOptions::default();
        if connection.get_database_backend() == DbBackend::Postgres {
            options.isolation_level = Some(IsolationLevel::RepeatableRead);
            options.access_mode = Some(AccessMode::ReadOnly);
        }
        let tx = connection.begin_with_options(options).await?;
        let snapshot = Self(tx);
        // Both databases choose the state with the first thing that is read of it.
        let first = match snapshot.backend() {
            DbBackend::Postgres => "SELECT count(*) FROM pg_class",
            _ => "SELECT count(*) FROM sqlite_master",
        };
        snapshot.all(first).await?;
        Ok(snapshot)
    }

    /// Which of the two databases this is.
    pub fn backend(&self) -> DbBackend {
        ConnectionTrait::get_database_backend(&self.0)
    }

    /// The rows of a query.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn all(&self, sql: &str) -> Result<Vec<QueryResult>, DbErr> {
        self.0.query_all_raw(Statement::from_string(self.backend(), sql)).await
    }

    /// The rows of a query as they come, of which there may be more than fit in memory.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn rows(
        &self,
        sql: &str,
    ) -> Result<impl Stream<Item = Result<QueryResult, DbErr>> + Send + '_, DbErr> {
        let rows = self.0.stream_raw(Statement::from_string(self.backend(), sql)).await?;
        Ok(rows.boxed())
    }

    /// Lets go of it.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn end(self) -> Result<(), DbErr> {
        self.0.rollback().await
    }
}
