//! The same statements on PostgreSQL: a pool, and a transaction for each purchase.

use std::time::Duration;

use anyhow::{Result, bail};
use sqlx::postgres::{PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, PgPool, Row};

use super::rows::{self, ListingRow, Order, PageOf, ReleaseRow};

/// Connections, as many as the store has.
const CONNECTIONS: u32 = 16;

/// A pool of connections.
#[derive(Clone)]
pub(super) struct Postgres(PgPool);

impl Postgres {
    pub(super) async fn open(url: &str) -> Result<Self> {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(Duration::from_secs(30))
            .test_before_acquire(false)
            .connect(url)
            .await?;
        Ok(Self(pool))
    }

    pub(super) async fn page(&self, of: &PageOf) -> Result<(Vec<ListingRow>, Vec<ReleaseRow>)> {
        // The text holds a number of ours and nothing from outside.
        let select = sqlx::query(AssertSqlSafe(of.sql())).bind("listed");
        let select = match &of.after {
            Some((at, id)) => select.bind(at).bind(id),
            None => select,
        };
        let listings = select.fetch_all(&self.0).await?;
        let listings = listings.iter().map(listing).collect::<Result<Vec<_>, _>>()?;
        let shown = listings.len().min(of.limit);
        if shown == 0 {
            return Ok((listings, Vec::new()));
        }
        let mut select = sqlx::query(AssertSqlSafe(rows::releases_sql(shown)));
        for row in &listings[..shown] {
            select = select.bind(&row.id);
        }
        let releases = select.fetch_all(&self.0).await?;
        let releases = releases.iter().map(release).collect::<Result<Vec<_>, _>>()?;
        Ok((listings, releases))
    }

    /// The account behind a token that counts.
    pub(super) async fn account(&self, jti: &str) -> Result<String> {
        let token = sqlx::query(rows::TOKEN).bind(jti).fetch_one(&self.0).await?;
        let subject: String = token.try_get(2)?;
        let account = sqlx::query(rows::ACCOUNT).bind(subject).fetch_one(&self.0).await?;
        let (revoked, disabled): (Option<i64>, Option<i64>) = (token.try_get(5)?, account.try_get(8)?);
        if revoked.is_some() || disabled.is_some() {
            bail!("the token does not count");
        }
        Ok(account.try_get(0)?)
    }

    pub(super) async fn buy(&self, order: Order) -> Result<String> {
        let mut tx = self.0.begin().await?;
        let select = format!("SELECT {} FROM listings WHERE id = $1", rows::LISTING);
        let found = sqlx::query(AssertSqlSafe(select)).bind(&order.listing).fetch_one(&mut *tx).await?;
        let sale = rows::sell(&order, &listing(&found)?)?;
        let purchase = sqlx::query(rows::INSERT_PURCHASE).bind(&sale.purchase).bind(&order.listing);
        let purchase = purchase.bind(&order.buyer).bind(&sale.terms).bind(&sale.licence).bind(sale.now);
        purchase.execute(&mut *tx).await?;
        let licence = sqlx::query(rows::INSERT_LICENCE).bind(&sale.licence).bind(&order.listing);
        let licence = licence.bind(&sale.purchase).bind(&order.buyer).bind(sale.prints);
        licence.bind(sale.free_retries).bind(sale.now).execute(&mut *tx).await?;
        let audit = sqlx::query(rows::INSERT_AUDIT).bind(sale.now).bind(&sale.actor);
        audit.bind(&sale.subject).bind(&sale.details).fetch_one(&mut *tx).await?;
        let answer = sqlx::query(rows::INSERT_ANSWER).bind(&order.buyer).bind("purchases").bind(&order.key);
        let answer = answer.bind(&order.request_sha256).bind(&sale.answer).bind(sale.now);
        answer.execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(sale.answer)
    }
}

fn listing(row: &PgRow) -> sqlx::Result<ListingRow> {
    Ok(ListingRow {
        id: row.try_get(0)?,
        publisher: row.try_get(1)?,
        publisher_name: row.try_get(2)?,
        kind: row.try_get(3)?,
        state: row.try_get(4)?,
        title: row.try_get(5)?,
        description: row.try_get(6)?,
        price_amount: row.try_get(7)?,
        price_currency: row.try_get(8)?,
        terms: row.try_get(9)?,
        created_at: row.try_get(10)?,
    })
}

fn release(row: &PgRow) -> sqlx::Result<ReleaseRow> {
    Ok(ReleaseRow {
        id: row.try_get(0)?,
        listing: row.try_get(1)?,
        version: row.try_get(2)?,
        state: row.try_get(3)?,
        cipher: row.try_get(4)?,
        blob_size: row.try_get(7)?,
        blob_sha256: row.try_get(8)?,
        plain_size: row.try_get(9)?,
        preview: row.try_get(11)?,
        created_at: row.try_get(12)?,
    })
}
