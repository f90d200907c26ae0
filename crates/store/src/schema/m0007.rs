//! Several processes of a store seal each job once.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, string};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0007_sealings"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sealings = Table::create()
            .table("sealings")
            .col(string("job").primary_key())
            .col(big_integer("until"))
            .take();
        manager.create_table(sealings).await
    }
}
