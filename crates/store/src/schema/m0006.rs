//! What restored stores go by: which jobs were open, and which memory their printers had.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, boolean, string, string_null};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0006_restored"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [boolean("restored").default(false).take(), string_null("held_for")] {
            // SQLite adds one column at a time.
            manager.alter_table(Table::alter().table("jobs").add_column(column).take()).await?;
        }
        let memories = Table::create()
            .table("printer_memories")
            .col(string("printer").primary_key())
            .col(string("document"))
            .col(big_integer("seen_at"))
            .take();
        manager.create_table(memories).await
    }
}
