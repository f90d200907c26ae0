//! Plugins: what listings and releases say of them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{boolean, string_null, text_null};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0002_plugins"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [string_null("plugin_id"), string_null("publisher_key")] {
            add(manager, "listings", column).await?;
        }
        for name in ["signature", "publisher_key", "cid"] {
            add(manager, "releases", string_null(name)).await?;
        }
        add(manager, "releases", text_null("manifest")).await?;
        add(manager, "releases", boolean("signed_cid").default(false).take()).await?;
        // Both databases let any number of rows be without a plugin id.
        let plugins =
            Index::create().name("listings_plugin").table("listings").col("plugin_id").unique().take();
        manager.create_index(plugins).await?;
        let blobs = Index::create().name("releases_cid").table("releases").col("cid").take();
        manager.create_index(blobs).await
    }
}

/// SQLite adds one column at a time.
async fn add(manager: &SchemaManager<'_>, table: &'static str, column: ColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table).add_column(column).take()).await
}
