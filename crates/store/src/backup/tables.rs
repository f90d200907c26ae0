//! The tables that a database really has: whatever the migrations made is backed up, also what comes later.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};

use super::cells::Declared;

/// The table of the migrations themselves, which a restore fills by running them.
const MIGRATIONS: &str = "seaql_migrations";
/// Exists while a restore is not finished.
pub(crate) const MARKER: &str = "unfinished_restore";

/// A table as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Live {
    pub(super) name: String,
    pub(super) columns: Vec<Declared>,
}

/// Asks something of a database.
pub(super) trait Ask {
    fn backend(&self) -> DbBackend;
    async fn ask(&self, sql: &str) -> Result<Vec<QueryResult>, DbErr>;
}

impl Ask for sealpost_database::Snapshot {
    fn backend(&self) -> DbBackend {
        self.backend()
    }

    async fn ask(&self, sql: &str) -> Result<Vec<QueryResult>, DbErr> {
        self.all(sql).await
    }
}

impl Ask for sea_orm::DatabaseConnection {
    fn backend(&self) -> DbBackend {
        self.get_database_backend()
    }

    async fn ask(&self, sql: &str) -> Result<Vec<QueryResult>, DbErr> {
        self.query_all_raw(Statement::from_string(self.get_database_backend(), sql)).await
    }
}

/// Names of all tables, in alphabetical order.
pub(super) async fn names(db: &impl Ask) -> Result<Vec<String>, DbErr> {
    let sql = match db.backend() {
        DbBackend::Postgres => {
            "SELECT table_name::text FROM information_schema.tables \
             WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name"
        }
        _ => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
             ORDER BY name"
        }
    };
    db.ask(sql).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// All tables that a backup holds.
pub(super) async fn all(db: &impl Ask) -> Result<Vec<Live>, DbErr> {
    let mut tables = Vec::new();
    for name in names(db).await? {
        if name == MIGRATIONS || name == MARKER {
            continue;
        }
        let sql = match db.backend() {
            DbBackend::Postgres => format!(
                "SELECT column_name::text, data_type::text FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND table_name = '{}' ORDER BY ordinal_position",
                name.replace('\'', "''")
            ),
            _ => format!(
                "SELECT name, type FROM pragma_table_info('{}') ORDER BY cid",
                name.replace('\'', "''")
            ),
        };
        let rows = db.ask(&sql).await?;
        let columns = rows.iter().map(|row| {
            let (name, declared): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            Declared::new(&name, &declared)
        });
        let columns = columns.collect::<Result<_, DbErr>>()?;
        tables.push(Live { name, columns });
    }
    Ok(tables)
}

/// Names of the migrations that a database has gone through, in their order; none for one without tables.
pub(super) async fn migrations(db: &impl Ask) -> Result<Vec<String>, DbErr> {
    if !names(db).await?.iter().any(|name| name == MIGRATIONS) {
        return Ok(Vec::new());
    }
    let rows = db.ask(&format!("SELECT version FROM {MIGRATIONS} ORDER BY version")).await?;
    let applied = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<Vec<String>, _>>()?;
    let order: Vec<String> = crate::migrations::all().iter().map(|one| one.name().to_owned()).collect();
    let place = |name: &String| order.iter().position(|known| known == name).unwrap_or(usize::MAX);
    let mut applied = applied;
    applied.sort_by_key(place);
    Ok(applied)
}

/// A name as SQL takes it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
