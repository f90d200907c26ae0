//! The tables of this area, for SQLite and PostgreSQL.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager,
    prelude::{ColumnDef, Index, Table},
    schema::{big_integer, big_integer_null, boolean, integer_null, string, string_null, text},
};

/// In the order in which they are applied.
pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(Printers)]
}

struct Printers;

impl MigrationName for Printers {
    fn name(&self) -> &str {
        "identity_0001"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Printers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        printers(manager).await?;
        pairings(manager).await?;
        manager
            .create_table(
                Table::create()
                    .table("printer_challenges")
                    .col(key("id"))
                    .col(string("printer"))
                    .col(text("sealed_nonce"))
                    .col(big_integer("expires_at"))
                    .col(big_integer_null("used_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("key_sets")
                    .col(ColumnDef::new("version").big_integer().not_null().primary_key())
                    .col(text("jws"))
                    .col(text("covers"))
                    .col(big_integer("created_at"))
                    .to_owned(),
            )
            .await
    }
}

async fn printers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("printers")
                .col(key("id"))
                .col(string("owner"))
                .col(string("name"))
                .col(text("description"))
                .col(string("manufacturer"))
                .col(string("model"))
                .col(integer_null("extruders"))
                .col(string("public_key"))
                .col(string("key_id"))
                .col(boolean("sealpost_agent"))
                .col(string_null("active_jti"))
                .col(big_integer("created_at"))
                .col(big_integer_null("last_seen_at"))
                .col(big_integer_null("removed_at"))
                .to_owned(),
        )
        .await?;
    manager
        .create_index(Index::create().name("printers_owner").table("printers").col("owner").to_owned())
        .await?;
    let one_live_printer_for_a_key =
        "CREATE UNIQUE INDEX printers_key_id ON printers (key_id) WHERE removed_at IS NULL";
    manager.get_connection().execute_unprepared(one_live_printer_for_a_key).await?;
    Ok(())
}

async fn pairings(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("pairings")
                .col(key("secret_hash"))
                .col(string("code").unique_key())
                .col(string("short_code"))
                .col(string("public_key"))
                .col(string("key_id"))
                .col(text("description"))
                .col(boolean("sealpost_agent"))
                .col(string("state"))
                .col(big_integer("interval_s"))
                .col(big_integer_null("asked_at"))
                .col(big_integer("created_at"))
                .col(big_integer("expires_at"))
                .col(string_null("approver"))
                .col(string_null("name"))
                .col(string_null("printer"))
                .col(string_null("jti"))
                .to_owned(),
        )
        .await?;
    for column in ["jti", "expires_at"] {
        let index =
            Index::create().name(format!("pairings_{column}")).table("pairings").col(column).to_owned();
        manager.create_index(index).await?;
    }
    Ok(())
}

fn key(name: &'static str) -> ColumnDef {
    let mut column = string(name);
    column.primary_key();
    column
}
