//! What a seller says of a release, and what tells one voucher from another.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer_null, integer_null, string, text};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0011_selling"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [
            ("releases", text("notes").default("").take()),
            ("vouchers", integer_null("uses").take()),
            ("vouchers", string("label").default("").take()),
            ("vouchers", string("ends").default("").take()),
            ("vouchers", big_integer_null("disabled_at").take()),
        ] {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        let index = Index::create()
            .name("vouchers_listing")
            .table("vouchers")
            .col("listing")
            .col("created_at")
            .take();
        manager.create_index(index).await
    }
}
