//! Suite `store`: the built store on SQLite and on PostgreSQL; every test runs on both.
#![forbid(unsafe_code)]

/// Where the store under test keeps its rows.
#[derive(Clone, Copy, Debug)]
enum Backend {
    Sqlite,
    Postgres,
}

impl Backend {
    fn options(self) -> anyhow::Result<sealpost_tests::store::Options> {
        let database_url = match self {
            Self::Sqlite => None,
            Self::Postgres => Some(sealpost_tests::postgres::database()?),
        };
        Ok(sealpost_tests::store::Options { database_url, ..Default::default() })
    }
}

/// Makes of each `async fn(Backend)` one test a database.
macro_rules! on_both_databases {
    ($($name:ident),* $(,)?) => {
        mod sqlite {$(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() -> anyhow::Result<()> { super::$name($crate::Backend::Sqlite).await }
        )*}
        mod postgres {$(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() -> anyhow::Result<()> { super::$name($crate::Backend::Postgres).await }
        )*}
    };
}

use on_both_databases;

mod backup;
mod counting;
mod devices;
mod legacy;
mod memory;
mod nonsense;
mod processes;
mod publishing;
