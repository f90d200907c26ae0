//! What the store lost of claimed jobs, and which process it is that seals one.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{boolean, string};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0008_lost"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let lost = boolean("lost").default(false).take();
        manager.alter_table(Table::alter().table("jobs").add_column(lost).take()).await?;
        let owner = string("owner").default("").take();
        manager.alter_table(Table::alter().table("sealings").add_column(owner).take()).await
    }
}
