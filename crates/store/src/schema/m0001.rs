//! The first tables.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, boolean, integer, integer_null, string, string_null, text,
    text_null,
};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0001_store"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [listings(), releases(), thumbnails(), vault(), vouchers(), purchases(), licences()] {
            manager.create_table(table).await?;
        }
        for table in [jobs(), answers(), pending_blobs(), store_keys()] {
            manager.create_table(table).await?;
        }
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
    ("listings_shown", "listings", &["state", "created_at", "id"], false),
    ("listings_publisher", "listings", &["publisher", "created_at"], false),
    ("releases_version", "releases", &["listing", "version"], true),
    ("thumbnails_release", "thumbnails", &["release"], false),
    ("purchases_buyer", "purchases", &["buyer", "created_at"], false),
    ("purchases_listing", "purchases", &["listing", "created_at"], false),
    ("purchases_voucher", "purchases", &["voucher", "buyer"], true),
    ("licences_holder", "licences", &["holder", "created_at"], false),
    ("jobs_owner", "jobs", &["owner", "created_at"], false),
    ("jobs_printer", "jobs", &["printer", "state"], false),
    ("jobs_lease", "jobs", &["state", "lease_until"], false),
    ("jobs_deadline", "jobs", &["state", "expires_at"], false),
    ("answers_age", "answers", &["created_at"], false),
];

fn id() -> ColumnDef {
    string("id").primary_key().take()
}

fn listings() -> TableCreateStatement {
    Table::create()
        .table("listings")
        .col(id())
        .col(string("publisher"))
        .col(string("publisher_name"))
        .col(string("kind"))
        .col(string("state"))
        .col(text("title"))
        .col(text("description"))
        .col(string_null("price_amount"))
        .col(string_null("price_currency"))
        .col(text("terms"))
        .col(big_integer("created_at"))
        .col(big_integer("row_version"))
        .take()
}

fn releases() -> TableCreateStatement {
    Table::create()
        .table("releases")
        .col(id())
        .col(string("listing"))
        .col(string("version"))
        .col(string("state"))
        .col(string("cipher"))
        .col(string_null("iv"))
        .col(string("blob"))
        .col(big_integer("blob_size"))
        .col(string("blob_sha256"))
        .col(big_integer("plain_size"))
        .col(string("plain_sha256"))
        .col(text("preview"))
        .col(big_integer("created_at"))
        .take()
}

fn thumbnails() -> TableCreateStatement {
    Table::create()
        .table("thumbnails")
        .col(id())
        .col(string("release"))
        .col(integer("width"))
        .col(integer("height"))
        .col(string("media_type"))
        .col(binary("picture"))
        .take()
}

fn vault() -> TableCreateStatement {
    Table::create().table("vault").col(id()).col(text("sealed")).take()
}

fn vouchers() -> TableCreateStatement {
    Table::create()
        .table("vouchers")
        .col(id())
        .col(string("listing"))
        .col(integer("uses_left"))
        .col(integer_null("prints"))
        .col(big_integer_null("expires_at"))
        .col(big_integer("created_at"))
        .take()
}

fn purchases() -> TableCreateStatement {
    Table::create()
        .table("purchases")
        .col(id())
        .col(string("listing"))
        .col(string("buyer"))
        .col(string("state"))
        .col(string("method"))
        .col(string_null("price_amount"))
        .col(string_null("price_currency"))
        .col(text("terms"))
        .col(string_null("version"))
        .col(string_null("licence"))
        .col(string_null("voucher"))
        .col(big_integer("created_at"))
        .col(big_integer("row_version"))
        .take()
}

fn licences() -> TableCreateStatement {
    Table::create()
        .table("licences")
        .col(id())
        .col(string("listing"))
        .col(string("purchase"))
        .col(string("holder"))
        .col(integer("allowed"))
        .col(integer("used"))
        .col(integer("reserved"))
        .col(string("state"))
        .col(big_integer_null("expires_at"))
        .col(integer("free_retries"))
        .col(integer("free_retries_used"))
        .col(integer("keys_released"))
        .col(string_null("covers"))
        .col(big_integer("created_at"))
        .col(big_integer("row_version"))
        .take()
}

fn jobs() -> TableCreateStatement {
    Table::create()
        .table("jobs")
        .col(id())
        .col(string("licence"))
        .col(string("purchase"))
        .col(string("listing"))
        .col(string("release"))
        .col(string("printer"))
        .col(text("printer_name"))
        .col(string("owner"))
        .col(text("title"))
        .col(string("state"))
        .col(big_integer("lease"))
        .col(big_integer_null("lease_until"))
        .col(string_null("nonce"))
        .col(boolean("key_released"))
        .col(boolean("started"))
        .col(big_integer_null("expires_at"))
        .col(text("reports"))
        .col(text_null("message"))
        .col(boolean("cancel_requested"))
        .col(boolean("free_retry"))
        .col(integer("progress_permille"))
        .col(integer_null("layer"))
        .col(big_integer_null("filament_used_mm_x100"))
        .col(big_integer_null("print_duration_s"))
        .col(big_integer_null("total_duration_s"))
        .col(boolean("seal_once"))
        .col(string("cipher"))
        .col(string_null("iv"))
        .col(string_null("blob"))
        .col(big_integer("blob_size"))
        .col(string("blob_sha256"))
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        .col(big_integer("row_version"))
        .take()
}

fn answers() -> TableCreateStatement {
    Table::create()
        .table("answers")
        .col(string("principal"))
        .col(string("route"))
        .col(string("idempotency_key"))
        .col(string("request_sha256"))
        .col(integer("status"))
        .col(text("sealed_body"))
        .col(big_integer("created_at"))
        .primary_key(Index::create().col("principal").col("route").col("idempotency_key"))
        .take()
}

fn pending_blobs() -> TableCreateStatement {
    Table::create()
        .table("pending_blobs")
        .col(id())
        .col(boolean("doomed"))
        .col(big_integer("created_at"))
        .take()
}

fn store_keys() -> TableCreateStatement {
    Table::create().table("store_keys").col(id()).col(text("sealed")).col(string("public")).take()
}
