//! What people are shown of prints and printers without looking elsewhere.

use sea_orm::ConnectionTrait;
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer_null, boolean, boolean_null, integer_null, string, string_null};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0010_shown"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            string("publisher").default("").take(),
            integer_null("layers"),
            big_integer_null("estimated_s"),
            boolean("pictured").default(false).take(),
            big_integer_null("started_at"),
            big_integer_null("ended_at"),
        ];
        for column in columns {
            manager.alter_table(Table::alter().table("jobs").add_column(column).take()).await?;
        }
        for column in [string_null("agent"), boolean_null("reduced")] {
            manager.alter_table(Table::alter().table("printers").add_column(column).take()).await?;
        }
        let fill = [
            "UPDATE jobs SET publisher = COALESCE((SELECT publisher FROM listings WHERE listings.id = jobs.listing), '')",
            "UPDATE jobs SET pictured = TRUE WHERE release IN (SELECT release FROM thumbnails)",
            "UPDATE jobs SET ended_at = updated_at WHERE state IN ('success', 'failure', 'cancelled', 'expired')",
        ];
        for sql in fill {
            manager.get_connection().execute_unprepared(sql).await?;
        }
        let index =
            Index::create().name("jobs_publisher").table("jobs").col("publisher").col("created_at").take();
        manager.create_index(index).await
    }
}
