//! Purchases on a chain: offers, payments, where the watcher is, and whose keys are whose.

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, boolean, integer_null, string, string_null};
use sealpost_market::Version;
use sealpost_market::chain::{item_id, item_text};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0004_chain"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add(manager, "listings", string_null("payout")).await?;
        add(manager, "releases", string_null("item")).await?;
        add(manager, "licences", string("payment").default("good").take()).await?;
        for table in [payments(), cursors(), checkpoints(), offers(), keys()] {
            manager.create_table(table).await?;
        }
        for (name, table, columns) in INDEXES {
            let mut index = Index::create();
            index.name(*name).table(*table);
            for column in *columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        name_items(manager).await
    }
}

const INDEXES: &[(&str, &str, &[&str])] = &[
    ("releases_item", "releases", &["item"]),
    ("chain_payments_tx", "chain_payments", &["tx_hash"]),
    ("chain_payments_block", "chain_payments", &["source", "block_number"]),
    ("chain_payments_refund", "chain_payments", &["source", "refund_block_number"]),
    ("chain_payments_item", "chain_payments", &["item", "key_hash", "refund_tx", "block_number"]),
    ("chain_payments_refund_tx", "chain_payments", &["refund_tx", "refund_index"]),
    ("chain_payments_state", "chain_payments", &["state", "look_at"]),
    ("chain_payments_listing", "chain_payments", &["listing", "created_at"]),
    ("chain_payments_age", "chain_payments", &["created_at"]),
    ("chain_offers_listing", "chain_offers", &["listing", "since_ms"]),
    ("linked_keys_account", "linked_keys", &["account"]),
];

fn payments() -> TableCreateStatement {
    Table::create()
        .table("chain_payments")
        .col(string("id").primary_key().take())
        .col(string("source"))
        .col(string("tx_hash"))
        .col(integer_null("tx_index"))
        .col(string("state"))
        .col(string_null("reason"))
        .col(string_null("detail"))
        .col(big_integer_null("block_number"))
        .col(string_null("block_hash"))
        .col(big_integer_null("log_index"))
        .col(big_integer_null("block_time"))
        .col(string_null("listing"))
        .col(string_null("item"))
        .col(string_null("buyer_key"))
        .col(string_null("key_hash"))
        .col(string_null("amount"))
        .col(string_null("fee"))
        .col(string_null("token"))
        .col(string_null("payer"))
        .col(string_null("publisher"))
        .col(string_null("purchase"))
        .col(string_null("refund_tx"))
        .col(integer_null("refund_index"))
        .col(big_integer_null("refund_block_number"))
        .col(string_null("refund_block_hash"))
        .col(string_null("refund_by"))
        .col(big_integer_null("accepted_at"))
        .col(big_integer("created_at"))
        .col(big_integer("heard_at"))
        .col(big_integer("look_at"))
        .col(big_integer("row_version"))
        .take()
}

fn cursors() -> TableCreateStatement {
    Table::create()
        .table("chain_cursor")
        .col(string("id").primary_key().take())
        .col(big_integer("from_block"))
        .col(big_integer("block_number"))
        .col(string_null("block_hash"))
        .col(big_integer("latest"))
        .col(big_integer("settled"))
        .col(boolean("caught_up"))
        .col(string_null("error"))
        .col(big_integer("updated_at"))
        .col(big_integer("row_version"))
        .take()
}

fn checkpoints() -> TableCreateStatement {
    Table::create()
        .table("chain_checkpoints")
        .col(string("source"))
        .col(big_integer("block_number"))
        .col(string("block_hash"))
        .primary_key(Index::create().col("source").col("block_number"))
        .take()
}

fn offers() -> TableCreateStatement {
    Table::create()
        .table("chain_offers")
        .col(string("id").primary_key().take())
        .col(string("listing"))
        .col(string("source"))
        .col(string("payout"))
        .col(string_null("token"))
        .col(string("currency"))
        .col(string("amount"))
        .col(big_integer("since_ms"))
        .col(big_integer_null("until_ms"))
        .take()
}

fn keys() -> TableCreateStatement {
    Table::create()
        .table("linked_keys")
        .col(string("curve"))
        .col(string("public_key"))
        .col(string("account"))
        .col(big_integer("proved_at"))
        .primary_key(Index::create().col("curve").col("public_key"))
        .take()
}

#[derive(FromQueryResult)]
struct Old {
    id: String,
    version: String,
    listing: String,
    plugin_id: Option<String>,
}

/// Releases of before get the name that a chain knows them by.
async fn name_items(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let backend = manager.get_database_backend();
    let all = Statement::from_string(
        backend,
        "SELECT r.id AS id, r.version AS version, r.listing AS listing, l.plugin_id AS plugin_id \
         FROM releases r JOIN listings l ON l.id = r.listing WHERE r.item IS NULL",
    );
    let update = match backend {
        DbBackend::Postgres => "UPDATE releases SET item = $1 WHERE id = $2",
        _ => "UPDATE releases SET item = ? WHERE id = ?",
    };
    for old in Old::find_by_statement(all).all(db).await? {
        let version: Version = old.version.parse().map_err(|error| DbErr::Custom(format!("{error}")))?;
        let name = old.plugin_id.as_deref().unwrap_or(&old.listing);
        let item = item_id(&item_text(name, &version)).to_string();
        db.execute_raw(Statement::from_sql_and_values(backend, update, [item.into(), old.id.into()])).await?;
    }
    Ok(())
}

/// SQLite adds one column at a time.
async fn add(manager: &SchemaManager<'_>, table: &'static str, column: ColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table).add_column(column).take()).await
}
