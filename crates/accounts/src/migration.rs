//! The tables of this crate, for SQLite and PostgreSQL.

mod ways;

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager,
    prelude::{ColumnDef, Index, Table},
    schema::{big_integer, big_integer_null, boolean, string, string_null, text, text_null},
};

/// In the order in which they are applied.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(Accounts),
        Box::new(AuditByActor),
        Box::new(Browsers),
        Box::new(Invitations),
        Box::new(ways::Ways),
    ]
}

struct Accounts;

/// People read what they did themselves.
struct AuditByActor;

/// Browsers sign in too.
struct Browsers;

/// Operators invite people.
struct Invitations;

impl MigrationName for Invitations {
    fn name(&self) -> &str {
        "accounts_invitations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Invitations {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("invitations")
                    .col(key("hash"))
                    .col(text("note"))
                    .col(string("invited_by"))
                    .col(big_integer("created_at"))
                    .col(big_integer("expires_at"))
                    .col(big_integer_null("used_at"))
                    .col(string_null("account"))
                    .to_owned(),
            )
            .await
    }
}

impl MigrationName for Browsers {
    fn name(&self) -> &str {
        "accounts_0003"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Browsers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for column in [big_integer_null("seen_at"), text_null("agent")] {
            manager.alter_table(Table::alter().table("tokens").add_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

impl MigrationName for AuditByActor {
    fn name(&self) -> &str {
        "accounts_0002"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AuditByActor {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index =
            Index::create().name("audit_log_actor").table("audit_log").col("actor").col("id").to_owned();
        manager.create_index(index).await
    }
}

impl MigrationName for Accounts {
    fn name(&self) -> &str {
        "accounts_0001"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Accounts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        people(manager).await?;
        keys_and_tokens(manager).await?;
        audit_log(manager).await
    }
}

async fn people(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("accounts")
                .col(key("id"))
                .col(string("email").unique_key())
                .col(string("username"))
                .col(string("username_key").unique_key())
                .col(text("password_hash"))
                .col(boolean("operator"))
                .col(big_integer("created_at"))
                .col(big_integer_null("last_login_at"))
                .col(big_integer_null("disabled_at"))
                .to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table("setup_tokens")
                .col(key("hash"))
                .col(big_integer("expires_at"))
                .col(big_integer_null("used_at"))
                .to_owned(),
        )
        .await
}

async fn keys_and_tokens(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("signing_keys")
                .col(key("kid"))
                .col(string("purpose"))
                .col(big_integer("generation"))
                .col(string("public"))
                .col(text("sealed"))
                .col(big_integer("created_at"))
                .col(big_integer_null("void_at"))
                .index(
                    Index::create().unique().name("signing_keys_generation").col("purpose").col("generation"),
                )
                .to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table("tokens")
                .col(key("jti"))
                .col(string("kind"))
                .col(string("subject"))
                .col(big_integer("issued_at"))
                .col(big_integer("expires_at"))
                .col(big_integer_null("revoked_at"))
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            Index::create().name("tokens_subject").table("tokens").col("kind").col("subject").to_owned(),
        )
        .await?;
    manager
        .create_index(Index::create().name("tokens_expires_at").table("tokens").col("expires_at").to_owned())
        .await
}

async fn audit_log(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("audit_log")
                .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                .col(big_integer("at"))
                .col(string("actor"))
                .col(string("action"))
                .col(string("subject"))
                .col(text("details"))
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            Index::create().name("audit_log_subject").table("audit_log").col("subject").col("id").to_owned(),
        )
        .await?;
    let connection = manager.get_connection();
    let guards: &[&str] = match connection.get_database_backend() {
        DbBackend::Postgres => &[
            "CREATE FUNCTION audit_log_append_only() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
            "CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log \
             FOR EACH STATEMENT EXECUTE FUNCTION audit_log_append_only()",
        ],
        _ => &[
            "CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log \
             BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
            "CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log \
             BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
        ],
    };
    for guard in guards {
        connection.execute_unprepared(guard).await?;
    }
    Ok(())
}

fn key(name: &'static str) -> ColumnDef {
    let mut column = string(name);
    column.primary_key();
    column
}
