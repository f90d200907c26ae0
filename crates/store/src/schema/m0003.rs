//! Devices of plugin licences, and what was given to each.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, string, string_null, text, text_null};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0003_devices"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["purchases", "licences"] {
            add(manager, table, string("kind").default("gcode").take()).await?;
            add(manager, table, string_null("publisher_key")).await?;
        }
        add(manager, "purchases", text_null("device")).await?;
        manager.create_table(devices()).await?;
        manager.create_table(device_keys()).await?;
        // Whoever registers one key twice at once does it once.
        let keys = Index::create()
            .name("devices_key")
            .table("devices")
            .col("licence")
            .col("curve")
            .col("public_key")
            .unique()
            .take();
        manager.create_index(keys).await?;
        let given = Index::create().name("device_keys_licence").table("device_keys").col("licence").take();
        manager.create_index(given).await
    }
}

fn devices() -> TableCreateStatement {
    Table::create()
        .table("devices")
        .col(string("id").primary_key().take())
        .col(string("licence"))
        .col(string("curve"))
        .col(string("public_key"))
        .col(text_null("name"))
        .col(big_integer_null("key_index"))
        .col(big_integer("created_at"))
        .take()
}

fn device_keys() -> TableCreateStatement {
    Table::create()
        .table("device_keys")
        .col(string("device"))
        .col(string("release"))
        .col(string("licence"))
        .col(text("envelope"))
        .col(big_integer("created_at"))
        .primary_key(Index::create().col("device").col("release"))
        .take()
}

/// SQLite adds one column at a time.
async fn add(manager: &SchemaManager<'_>, table: &'static str, column: ColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table).add_column(column).take()).await
}
