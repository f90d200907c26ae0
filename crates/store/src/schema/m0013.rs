//! What operators decide: settings, suspensions, and what people report.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, boolean, string, string_null, text, text_null,
};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0013_operate"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [settings(), suspensions(), reports()] {
            manager.create_table(table).await?;
        }
        let queue = Index::create()
            .name("listing_reports_state")
            .table("listing_reports")
            .col("state")
            .col("created_at")
            .take();
        manager.create_index(queue).await?;
        let mine = Index::create()
            .name("listing_reports_reporter")
            .table("listing_reports")
            .col("reporter")
            .col("listing")
            .take();
        manager.create_index(mine).await
    }
}

fn settings() -> TableCreateStatement {
    Table::create()
        .table("settings")
        .col(string("name").primary_key().take())
        .col(text("value"))
        .col(big_integer("changed_at"))
        .take()
}

fn suspensions() -> TableCreateStatement {
    Table::create()
        .table("suspensions")
        .col(string("listing").primary_key().take())
        .col(text("reason"))
        .col(string("state_before"))
        .col(boolean("with_publisher"))
        .col(big_integer("created_at"))
        .take()
}

fn reports() -> TableCreateStatement {
    Table::create()
        .table("listing_reports")
        .col(string("id").primary_key().take())
        .col(string("listing"))
        .col(string("reporter"))
        .col(string("reason"))
        .col(text("words"))
        .col(string("state"))
        .col(big_integer("created_at"))
        .col(string_null("closed_by"))
        .col(big_integer_null("closed_at"))
        .col(text_null("note"))
        .take()
}
