//! What sellers say of themselves and of how they are paid, and what buyer and seller say to each other of an order.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, string, text, text_null};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0015_orders"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let pages = Table::create()
            .table("seller_pages")
            .col(string("account").primary_key().take())
            .col(text("how_to_pay"))
            .col(text("about"))
            .col(big_integer("changed_at"))
            .take();
        manager.create_table(pages).await?;
        for column in ["note", "answer"] {
            let add = Table::alter().table("purchases").add_column(text_null(column).take()).take();
            manager.alter_table(add).await?;
        }
        Ok(())
    }
}
