//! What `Database::write` promises, on SQLite and, where `SEALPOST_TEST_POSTGRES_URL` names one (`postgres://user@host:port`, no database),
//! on PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sea_orm::{ConnectionTrait, DbErr, Statement};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::string;
use tempfile::TempDir;

use crate::{Database, Failure, Tx};

struct First;

impl MigrationName for First {
    fn name(&self) -> &str {
        "test_0001"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for First {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create().table("kept").col(string("value").primary_key()).take();
        manager.create_table(table).await
    }
}

#[derive(Debug)]
enum Refused {
    Again,
    Never,
    Database,
}

impl From<DbErr> for Refused {
    fn from(_: DbErr) -> Self {
        Self::Database
    }
}

impl Failure for Refused {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Again)
    }
}

/// One database of each kind that is at hand, empty.
async fn databases() -> Vec<(Database, TempDir)> {
    let mut all = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
    all.push((Database::connect(&url).await.unwrap(), folder));
    if let Ok(server) = std::env::var("SEALPOST_TEST_POSTGRES_URL") {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("sp_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let admin = Database::connect(&format!("{server}/postgres")).await.unwrap();
        admin.read().execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        let url = format!("{server}/{name}");
        all.push((Database::connect(&url).await.unwrap(), tempfile::tempdir().unwrap()));
    }
    for (db, _) in &all {
        db.migrate(vec![Box::new(First)]).await.unwrap();
        db.migrate(vec![Box::new(First)]).await.unwrap();
    }
    all
}

async fn insert(tx: &Tx, value: &str) -> Result<(), DbErr> {
    let statement = Statement::from_sql_and_values(
        tx.get_database_backend(),
        "INSERT INTO kept (value) VALUES ($1)",
        [value.into()],
    );
    tx.execute_raw(statement).await.map(drop)
}

async fn put(db: &Database, value: &str, outcome: Result<(), Refused>) -> Result<(), Refused> {
    let (value, fails) = (value.to_owned(), outcome.is_err());
    db.write(move |tx| {
        let value = value.clone();
        Box::pin(async move {
            insert(tx, &value).await?;
            if fails { Err(Refused::Never) } else { Ok(()) }
        })
    })
    .await
}

async fn values(db: &Database) -> Vec<String> {
    let statement = Statement::from_string(db.backend(), "SELECT value FROM kept ORDER BY value");
    let rows = db.read().query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get("", "value").unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_writes_at_once_only_the_failed_ones_lose_their_work() {
    for (db, _folder) in databases().await {
        let tasks: Vec<_> = (0..100)
            .map(|number| {
                let db = db.clone();
                tokio::spawn(async move {
                    let outcome = if number % 7 == 0 { Err(Refused::Never) } else { Ok(()) };
                    (number, put(&db, &format!("{number:03}"), outcome).await.is_ok())
                })
            })
            .collect();
        let mut expected = Vec::new();
        for task in tasks {
            let (number, fine) = task.await.unwrap();
            assert_eq!(fine, number % 7 != 0);
            if fine {
                expected.push(format!("{number:03}"));
            }
        }
        assert_eq!(values(&db).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn effects_follow_the_commit_and_only_the_commit() {
    for (db, _folder) in databases().await {
        let effects = Arc::new(AtomicUsize::new(0));
        for (number, fails) in [(1, false), (2, true), (3, false)] {
            let effects = effects.clone();
            let _ = db
                .write(move |tx| {
                    let effects = effects.clone();
                    Box::pin(async move {
                        insert(tx, &number.to_string()).await?;
                        tx.after_commit(move || {
                            effects.fetch_add(1, Ordering::SeqCst);
                        });
                        if fails { Err(Refused::Never) } else { Ok(()) }
                    })
                })
                .await;
        }
        assert_eq!(effects.load(Ordering::SeqCst), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_goes_on_when_its_caller_is_gone() {
    for (db, _folder) in databases().await {
        let (done, heard) = tokio::sync::oneshot::channel();
        let done = Arc::new(std::sync::Mutex::new(Some(done)));
        let write = db.write(move |tx| {
            let done = done.clone();
            Box::pin(async move {
                insert(tx, "kept").await?;
                tx.after_commit(move || {
                    let _ = done.lock().unwrap().take().unwrap().send(());
                });
                Ok::<_, DbErr>(())
            })
        });
        let mut write = Box::pin(write);
        let _ = futures::poll!(&mut write);
        drop(write);
        heard.await.unwrap();
        assert_eq!(values(&db).await, ["kept"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_loses_its_own_work_alone() {
    for (db, _folder) in databases().await {
        let failed: Result<(), DbErr> = db
            .write(|tx| {
                Box::pin(async move {
                    insert(tx, "lost").await?;
                    panic!("on purpose")
                })
            })
            .await;
        assert!(failed.is_err());
        put(&db, "kept", Ok(())).await.unwrap();
        assert_eq!(values(&db).await, ["kept"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_transient_failure_is_tried_again() {
    for (db, _folder) in databases().await {
        if db.backend() == sea_orm::DbBackend::Sqlite {
            continue;
        }
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        db.write(move |tx| {
            let runs = counted.clone();
            Box::pin(async move {
                insert(tx, "kept").await?;
                if runs.fetch_add(1, Ordering::SeqCst) < 2 { Err(Refused::Again) } else { Ok(()) }
            })
        })
        .await
        .unwrap();
        assert_eq!((runs.load(Ordering::SeqCst), values(&db).await), (3, vec!["kept".to_owned()]));
    }
}

#[tokio::test]
async fn what_was_written_is_there_when_the_database_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
    let db = Database::connect(&url).await.unwrap();
    db.migrate(vec![Box::new(First)]).await.unwrap();
    put(&db, "kept", Ok(())).await.unwrap();
    db.close().await.unwrap();
    let db = Database::connect(&url).await.unwrap();
    assert_eq!(values(&db).await, ["kept"]);
}

#[tokio::test]
async fn readers_cannot_write_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
    let db = Database::connect(&url).await.unwrap();
    db.migrate(vec![Box::new(First)]).await.unwrap();
    assert!(db.read().execute_unprepared("INSERT INTO kept VALUES ('x')").await.is_err());
}

#[tokio::test]
async fn other_kinds_of_databases_are_refused() {
    let refused = Database::connect("mysql://localhost/x").await.unwrap_err();
    assert!(matches!(refused, crate::Error::Address));
}

mod kept {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "kept")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) value: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_left_for_the_end_are_inserted_together_and_a_refused_one_fails_its_own_closure() {
    for (db, _folder) in databases().await {
        let tasks: Vec<_> = (0..60)
            .map(|number| {
                let db = db.clone();
                tokio::spawn(async move {
                    let value = format!("{:03}", number / 2);
                    db.write(move |tx| {
                        tx.insert_later(kept::ActiveModel {
                            value: sea_orm::ActiveValue::Set(value.clone()),
                        });
                        Box::pin(async { Ok::<_, DbErr>(()) })
                    })
                    .await
                    .is_ok()
                })
            })
            .collect();
        let mut fine = 0;
        for task in tasks {
            fine += usize::from(task.await.unwrap());
        }
        assert_eq!((fine, values(&db).await.len()), (30, 30));
    }
}

#[tokio::test]
async fn what_is_written_after_the_disk_was_full_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
    let database = Database::connect(&url).await.unwrap();
    database.migrate(vec![Box::new(First)]).await.unwrap();
    let run = async |sql: &'static str| {
        database.write(move |tx: &Tx| Box::pin(async move { tx.execute_unprepared(sql).await })).await
    };
    run("PRAGMA max_page_count = 1").await.unwrap();
    let full = run("INSERT INTO kept VALUES (hex(zeroblob(100000)))").await;
    full.expect_err("there is no room for that");
    run("PRAGMA max_page_count = 1000000").await.unwrap();
    run("INSERT INTO missing VALUES (1)").await.expect_err("there is no such table");
    run("INSERT INTO kept VALUES ('after')").await.unwrap();
    let rows = database.read().query_all_raw(Statement::from_string(
        database.backend(),
        "SELECT value FROM kept WHERE value = 'after'",
    ));
    assert_eq!(rows.await.unwrap().len(), 1, "it was said to be kept");
}
