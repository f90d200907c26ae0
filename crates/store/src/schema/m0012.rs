//! The seller's business: what people are told about, webhooks out and in, and what receipts and sums need to know.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, boolean, integer, integer_null, string, string_null, text, text_null,
};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0012_business"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [happenings(), turns(), endpoints(), deliveries(), tries(), sources(), notices()] {
            manager.create_table(table).await?;
        }
        let columns = [
            big_integer_null("paid_at").take(),
            big_integer_null("refunded_at").take(),
            integer("fee_basis_points").default(0).take(),
            string_null("payment_source").take(),
            text_null("payment_reference").take(),
        ];
        for column in columns {
            manager.alter_table(Table::alter().table("purchases").add_column(column).take()).await?;
        }
        let paid = "UPDATE purchases SET paid_at = created_at WHERE licence IS NOT NULL";
        manager.get_connection().execute_unprepared(paid).await?;
        let refunded = "UPDATE purchases SET refunded_at = created_at WHERE state = 'refunded'";
        manager.get_connection().execute_unprepared(refunded).await?;
        for (name, table, columns, unique) in INDEXES {
            let mut index = Index::create();
            index.name(*name).table(*table);
            for column in *columns {
                index.col(*column);
            }
            if *unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

type NamedIndex = (&'static str, &'static str, &'static [&'static str], bool);

const INDEXES: &[NamedIndex] = &[
    ("happenings_age", "happenings", &["at"], false),
    ("happening_turns_order", "happening_turns", &["consumer", "at", "happening"], false),
    ("webhook_endpoints_owner", "webhook_endpoints", &["owner", "created_at"], false),
    ("webhook_deliveries_due", "webhook_deliveries", &["state", "next_at"], false),
    ("webhook_deliveries_shown", "webhook_deliveries", &["endpoint", "created_at"], false),
    ("webhook_deliveries_once", "webhook_deliveries", &["endpoint", "happening"], true),
    ("webhook_tries_shown", "webhook_tries", &["delivery", "at"], false),
    ("payment_sources_owner", "payment_sources", &["owner", "created_at"], false),
    ("payment_notices_purchase", "payment_notices", &["purchase"], false),
    ("purchases_paid", "purchases", &["listing", "paid_at"], false),
    ("purchases_open", "purchases", &["state", "method", "created_at"], false),
    ("jobs_listing", "jobs", &["listing", "state", "updated_at"], false),
];

fn id() -> ColumnDef {
    string("id").primary_key().take()
}

fn happenings() -> TableCreateStatement {
    Table::create()
        .table("happenings")
        .col(id())
        .col(string("kind"))
        .col(string("seller"))
        .col(string_null("other"))
        .col(string("listing"))
        .col(text("payload"))
        .col(big_integer("at"))
        .take()
}

fn turns() -> TableCreateStatement {
    Table::create()
        .table("happening_turns")
        .col(string("consumer"))
        .col(string("happening"))
        .col(big_integer("at"))
        .primary_key(Index::create().col("consumer").col("happening"))
        .take()
}

fn endpoints() -> TableCreateStatement {
    Table::create()
        .table("webhook_endpoints")
        .col(id())
        .col(string("owner"))
        .col(boolean("everybody"))
        .col(text("url"))
        .col(text("kinds"))
        .col(text("description"))
        .col(string("state"))
        .col(text("sealed_secret"))
        .col(text_null("old_secret"))
        .col(big_integer_null("old_secret_until"))
        .col(big_integer_null("failing_since"))
        .col(text_null("reason"))
        .col(string_null("lease_owner"))
        .col(big_integer_null("lease_until"))
        .col(big_integer("created_at"))
        .col(big_integer("row_version"))
        .take()
}

fn deliveries() -> TableCreateStatement {
    Table::create()
        .table("webhook_deliveries")
        .col(id())
        .col(string("endpoint"))
        .col(string_null("happening"))
        .col(string("kind"))
        .col(text("payload"))
        .col(string("state"))
        .col(integer("tries"))
        .col(big_integer_null("next_at"))
        .col(integer_null("status"))
        .col(big_integer_null("ended_at"))
        .col(big_integer("created_at"))
        .take()
}

fn tries() -> TableCreateStatement {
    Table::create()
        .table("webhook_tries")
        .col(id())
        .col(string("delivery"))
        .col(big_integer("at"))
        .col(big_integer("took_ms"))
        .col(integer_null("status"))
        .col(string_null("error"))
        .col(text_null("body"))
        .take()
}

fn sources() -> TableCreateStatement {
    Table::create()
        .table("payment_sources")
        .col(id())
        .col(string("owner"))
        .col(boolean("everybody"))
        .col(text("name"))
        .col(text_null("checkout_url"))
        .col(string("state"))
        .col(text("sealed_secret"))
        .col(text_null("old_secret"))
        .col(big_integer_null("old_secret_until"))
        .col(big_integer("created_at"))
        .col(big_integer("row_version"))
        .take()
}

fn notices() -> TableCreateStatement {
    Table::create()
        .table("payment_notices")
        .col(string("source"))
        .col(string("id"))
        .col(string("purchase"))
        .col(string("status"))
        .col(text_null("reference"))
        .col(string("body_sha256"))
        .col(string("outcome"))
        .col(big_integer("at"))
        .primary_key(Index::create().col("source").col("id"))
        .take()
}
