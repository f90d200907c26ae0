//! One list of migrations for both databases.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, TransactionTrait};
use sea_orm_migration::{MigrationTrait, MigratorTraitSelf};

/// Advisory lock of PostgreSQL under which migrations run ("seal" in ASCII).
const LOCK: i64 = 0x7365_616c;

pub(crate) async fn up(
    connection: &DatabaseConnection,
    migrations: Vec<Box<dyn MigrationTrait>>,
) -> Result<(), DbErr> {
    let guard = if connection.get_database_backend() == DbBackend::Postgres {
        let lock = connection.begin().await?;
        lock.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
        Some(lock)
    } else {
        None
    };
    List(migrations.into()).up(connection, None).await?;
    if let Some(lock) = guard {
        lock.commit().await?;
    }
    Ok(())
}

/// The trait asks for the list several times, and its parts cannot be cloned.
struct List(std::sync::Arc<[Box<dyn MigrationTrait>]>);

struct One(std::sync::Arc<[Box<dyn MigrationTrait>]>, usize);

impl MigratorTraitSelf for List {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        (0..self.0.len()).map(|index| Box::new(One(self.0.clone(), index)) as _).collect()
    }
}

impl sea_orm_migration::MigrationName for One {
    fn name(&self) -> &str {
        self.0[self.1].name()
    }
}

#[async_trait::async_trait]
impl MigrationTrait for One {
    async fn up(&self, manager: &sea_orm_migration::SchemaManager) -> Result<(), DbErr> {
        self.0[self.1].up(manager).await
    }

    /// Whole or not at all: SQLite would keep what was done of it when the process was killed, and could not begin again.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn down(&self, manager: &sea_orm_migration::SchemaManager) -> Result<(), DbErr> {
        self.0[self.1].down(manager).await
    }
}
