//! What receipts say stays as it was, and reviews say whose money went back.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{boolean, text_null};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0014_documents"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [
            ("purchases", text_null("title").take()),
            ("purchases", text_null("seller_name").take()),
            ("purchases", text_null("buyer_name").take()),
            ("reviews", boolean("refunded").default(false).take()),
        ] {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        Ok(())
    }
}
