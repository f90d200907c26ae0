//! The table of the outbox, for SQLite and PostgreSQL.

use sea_orm::DbErr;
use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager,
    prelude::{Index, Table},
    schema::{big_integer, big_integer_null, integer, string, string_null, text, text_null},
};

/// In the order in which they are applied.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(Outbox)]
}

struct Outbox;

impl MigrationName for Outbox {
    fn name(&self) -> &str {
        "mail_0001"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Outbox {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mails = Table::create()
            .table("mails")
            .col(string("id").primary_key())
            .col(string("kind"))
            .col(string_null("account"))
            .col(string("address"))
            .col(text("sealed"))
            .col(integer("attempts"))
            .col(big_integer("next_at"))
            .col(big_integer("expires_at"))
            .col(text_null("error"))
            .col(big_integer("queued_at"))
            .col(big_integer_null("sent_at"))
            .col(big_integer_null("dead_at"))
            .take();
        manager.create_table(mails).await?;
        for (name, column) in [("mails_next_at", "next_at"), ("mails_account", "account")] {
            let index = Index::create().name(name).table("mails").col(column).take();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
