//! Ways in beside the password: links that count once, passkeys, wallets; and what people are told by mail.

use sea_orm::DbErr;
use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager,
    prelude::{Index, Table},
    schema::{big_integer, big_integer_null, string, string_null, text},
};

pub(super) struct Ways;

impl MigrationName for Ways {
    fn name(&self) -> &str {
        "accounts_ways"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Ways {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for column in [
            big_integer_null("email_confirmed_at"),
            string_null("user_handle"),
            string("mail_off").default("").take(),
            string_null("mail_key"),
            big_integer_null("deleted_at"),
        ] {
            manager.alter_table(Table::alter().table("accounts").add_column(column).take()).await?;
        }
        let address = string_null("address");
        manager.alter_table(Table::alter().table("tokens").add_column(address).take()).await?;
        let tables = [
            Table::create()
                .table("links")
                .col(string("hash").primary_key())
                .col(string("kind"))
                .col(string("account"))
                .col(text("data"))
                .col(big_integer("expires_at"))
                .take(),
            Table::create()
                .table("challenges")
                .col(string("id").primary_key())
                .col(string("kind"))
                .col(string_null("account"))
                .col(text("state"))
                .col(big_integer("expires_at"))
                .take(),
            Table::create()
                .table("passkeys")
                .col(string("id").primary_key())
                .col(string("account"))
                .col(string("name"))
                .col(text("fixed"))
                .col(string("changing"))
                .col(big_integer("created_at"))
                .col(big_integer_null("used_at"))
                .take(),
            Table::create()
                .table("sign_in_wallets")
                .col(string("address").primary_key())
                .col(string("account"))
                .col(string("name"))
                .col(big_integer("created_at"))
                .col(big_integer_null("used_at"))
                .take(),
        ];
        for table in tables {
            manager.create_table(table).await?;
        }
        for (table, column) in [
            ("links", "account"),
            ("challenges", "expires_at"),
            ("passkeys", "account"),
            ("sign_in_wallets", "account"),
            ("accounts", "mail_key"),
        ] {
            let name = format!("{table}_{column}");
            let index = Index::create().name(name).table(table).col(column).take();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
