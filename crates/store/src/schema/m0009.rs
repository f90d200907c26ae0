//! What the catalogue is searched and sorted by, pictures of listings, reviews.

use sea_orm::{ConnectionTrait, Statement};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, boolean, integer, string, string_null, text, text_null,
};

use crate::catalogue::shelf;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0009_shelf"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            text("words").default("").take(),
            string_null("materials"),
            integer("sold").default(0).take(),
            integer("stars").default(0).take(),
            integer("reviews").default(0).take(),
            big_integer("rating_rank").default(0).take(),
            big_integer("price_rank").default(0).take(),
        ];
        for column in columns {
            // SQLite adds one column at a time.
            manager.alter_table(Table::alter().table("listings").add_column(column).take()).await?;
        }
        let safe = boolean("remade").default(false).take();
        manager.alter_table(Table::alter().table("thumbnails").add_column(safe).take()).await?;
        for table in [pictures(), picture_files(), reviews()] {
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
        fill(manager).await
    }
}

type NamedIndex = (&'static str, &'static str, &'static [&'static str], bool);

const INDEXES: &[NamedIndex] = &[
    ("listings_sold", "listings", &["state", "sold", "id"], false),
    ("listings_rated", "listings", &["state", "rating_rank", "id"], false),
    ("listings_priced", "listings", &["state", "price_rank", "id"], false),
    ("licences_of_listing", "licences", &["listing", "created_at"], false),
    ("jobs_of_licence", "jobs", &["licence"], false),
    ("pictures_listing", "pictures", &["listing", "place"], false),
    ("reviews_author", "reviews", &["listing", "author"], true),
    ("reviews_listing", "reviews", &["listing", "shown", "created_at"], false),
];

fn id() -> ColumnDef {
    string("id").primary_key().take()
}

fn pictures() -> TableCreateStatement {
    Table::create()
        .table("pictures")
        .col(id())
        .col(string("listing"))
        .col(integer("place"))
        .col(text("alt"))
        .col(integer("width"))
        .col(integer("height"))
        .col(big_integer("created_at"))
        .take()
}

fn picture_files() -> TableCreateStatement {
    Table::create()
        .table("picture_files")
        .col(string("picture"))
        .col(string("size"))
        .col(string("sha256"))
        .col(binary("bytes"))
        .primary_key(Index::create().col("picture").col("size"))
        .take()
}

fn reviews() -> TableCreateStatement {
    Table::create()
        .table("reviews")
        .col(id())
        .col(string("listing"))
        .col(string("author"))
        .col(text("author_name"))
        .col(integer("stars"))
        .col(text("body"))
        .col(string_null("version"))
        .col(text_null("answer"))
        .col(big_integer_null("answered_at"))
        .col(boolean("shown"))
        .col(big_integer("created_at"))
        .col(big_integer_null("edited_at"))
        .take()
}

/// What the columns hold of listings that are there.
async fn fill(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let backend = manager.get_database_backend();
    let asked = "SELECT id, title, description, publisher_name, plugin_id, price_amount, price_currency FROM listings";
    for row in db.query_all_raw(Statement::from_string(backend, asked)).await? {
        let text = |name: &str| row.try_get::<Option<String>>("", name);
        let said = |name: &str| text(name).map(Option::unwrap_or_default);
        let words = shelf::words(
            &said("title")?,
            &said("description")?,
            &said("publisher_name")?,
            &said("plugin_id")?,
        );
        let rank = shelf::price_rank(text("price_amount")?.as_deref(), text("price_currency")?.as_deref());
        let mut update = Query::update();
        update
            .table("listings")
            .value("words", words)
            .value("price_rank", rank)
            .and_where(Expr::col("id").eq(said("id")?));
        db.execute(&update).await?;
    }
    let asked = "SELECT listing, preview FROM releases WHERE state = 'active' ORDER BY created_at, id";
    let mut current = std::collections::BTreeMap::<String, String>::new();
    for row in db.query_all_raw(Statement::from_string(backend, asked)).await? {
        let (listing, preview): (String, String) = (row.try_get("", "listing")?, row.try_get("", "preview")?);
        current.insert(listing, preview);
    }
    for (listing, preview) in current {
        let mut update = Query::update();
        update
            .table("listings")
            .value("materials", shelf::materials(&preview))
            .and_where(Expr::col("id").eq(listing));
        db.execute(&update).await?;
    }
    Ok(())
}
