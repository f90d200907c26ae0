//! Who uses a database: many at the same time, or one alone.
//!
//! PostgreSQL: an advisory lock of the schema, on a connection of its own. SQLite: a lock on a file beside the database. Both go
//! with the process that has them, however it ends.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::Duration;

use sea_orm::DbErr;
use sea_orm::sqlx::{self, Connection as _, Executor as _, PgConnection};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::Error;

/// How long a lock is waited for: whoever had it may be ending.
const PATIENCE_S: u64 = 3;
/// How often the connection is asked whether it still works.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What PostgreSQL says when a lock was not given in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// The right to use a database, as long as it lives.
#[derive(Debug)]
pub struct Hold {
    lost: watch::Receiver<bool>,
    _kept: Kept,
}

/// How a database is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Beside others.
    Shared,
    /// While nobody else does.
    Alone,
}

#[derive(Debug)]
enum Kept {
    File { _lock: Option<File> },
    Connection { _told: watch::Sender<bool>, _connection: PgConnection },
    Task { _renewing: Renewing },
}

/// Takes the right again, until it is dropped.
#[derive(Debug)]
struct Renewing(AbortHandle);

impl Hold {
    /// Takes the right to use the database at `url`, which exists; `None` while others use it in a way that this does not go with.
    ///
    /// # Errors
    /// The failure of the database, or of the file beside it.
    pub async fn take(url: &str, how: Use) -> Result<Option<Self>, Error> {
        let (told, lost) = watch::channel(false);
        let kept = if url.starts_with("sqlite:") {
            match beside(url, how)? {
                Some(lock) => Kept::File { _lock: lock },
                None => return Ok(None),
            }
        } else {
            match locked(url, how).await.map_err(failed)? {
                Some(connection) => Kept::Connection { _told: told, _connection: connection },
                None => return Ok(None),
            }
        };
        Ok(Some(Self { lost, _kept: kept }))
    }

    /// From now on, takes the right again when its connection broke. It is lost for good when somebody else took it alone meanwhile,
    /// or `table` is another one than it was, or `gone` is a table by then.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn keep(self, url: &str, table: &str, gone: &str) -> Result<Self, Error> {
        if let Kept::Connection { _told: told, _connection: mut connection } = self._kept {
            let same = format!(
                "SELECT to_regclass('{table}')::oid::bigint IS NOT NULL AND to_regclass('{gone}') IS NULL, \
                 COALESCE(to_regclass('{table}')::oid::bigint, 0)"
            );
            let (_, was) = seen(&mut connection, &same).await.map_err(failed)?;
            let url = url.to_owned();
            let task = tokio::spawn(async move {
                let mut connection = connection;
                loop {
                    tokio::time::sleep(LOOK_EVERY).await;
                    if connection.ping().await.is_ok() {
                        continue;
                    }
                    match again(&url, &same, was).await {
                        Some(Some(other)) => connection = other,
                        // The database is away still.
                        Some(None) => {}
                        None => break,
                    }
                }
                told.send_replace(true);
            });
            return Ok(Self {
                lost: self.lost,
                _kept: Kept::Task { _renewing: Renewing(task.abort_handle()) },
            });
        }
        Ok(self)
    }

    /// Becomes true when the right is lost for good: whatever is there by now is not what was opened.
    #[must_use]
    pub fn lost(&self) -> watch::Receiver<bool> {
        self.lost.clone()
    }
}

impl Drop for Renewing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A new connection with the right; `Some(None)` when there is none yet, `None` when the right is lost.
async fn again(url: &str, same: &str, was: i64) -> Option<Option<PgConnection>> {
    let mut connection = match locked(url, Use::Shared).await {
        Ok(Some(connection)) => connection,
        Ok(None) => return None,
        Err(_) => return Some(None),
    };
    match seen(&mut connection, same).await {
        Ok((true, is)) if is == was => Some(Some(connection)),
        Ok(_) => None,
        Err(_) => Some(None),
    }
}

async fn seen(connection: &mut PgConnection, sql: &str) -> Result<(bool, i64), sqlx::Error> {
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_one(connection).await
}

async fn locked(url: &str, how: Use) -> Result<Option<PgConnection>, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let name = match how {
        Use::Shared => "pg_advisory_lock_shared",
        Use::Alone => "pg_advisory_lock",
    };
    let lock = format!(
        "SET lock_timeout = '{PATIENCE_S}s'; SELECT {name}(hashtextextended('store in use ' || current_schema(), 0))"
    );
    match connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(lock))).await {
        Ok(_) => Ok(Some(connection)),
        Err(error) => {
            let code = error.as_database_error().and_then(|error| error.code());
            if code.as_deref() == Some(LOCK_NOT_AVAILABLE) { Ok(None) } else { Err(error) }
        }
    }
}

/// The lock on the file beside a SQLite database; none inside for one that is no file, none at all while others use it.
fn beside(url: &str, how: Use) -> Result<Option<Option<File>>, Error> {
    let rest = url.trim_start_matches("sqlite:").trim_start_matches("//");
    let path = rest.split('?').next().unwrap_or_default();
    if path.is_empty() || path.starts_with(":memory:") {
        return Ok(Some(None));
    }
    let mut name = PathBuf::from(path).into_os_string();
    name.push(".lock");
    let unusable = |error: std::io::Error| {
        Error::Database(DbErr::Custom(format!("{}: {error}", PathBuf::from(&name).display())))
    };
    let file = File::options().create(true).truncate(false).write(true).open(&name).map_err(unusable)?;
    let taken = match how {
        Use::Shared => file.try_lock_shared(),
        Use::Alone => file.try_lock(),
    };
    match taken {
        Ok(()) => Ok(Some(Some(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

fn failed(error: sqlx::Error) -> Error {
    Error::Database(DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))
}
