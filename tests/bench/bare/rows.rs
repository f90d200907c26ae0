//! Rows as the bare server reads and writes them, and what it answers with.

use anyhow::{Context, Result};
use sealpost_api::catalogue::{Listing, ListingPage, Price, Release};
use sealpost_api::purchase::{Licence, Purchase, PurchaseResponse};
use sealpost_market::{LicenceId, PurchaseId, Terms};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Columns of [`ListingRow`] in its order.
pub(super) const LISTING: &str = "id, publisher, publisher_name, kind, state, title, description, price_amount, \
     price_currency, terms, created_at, row_version";
/// Columns of [`ReleaseRow`] in its order.
pub(super) const RELEASE: &str = "id, listing, version, state, cipher, iv, blob, blob_size, blob_sha256, plain_size, \
     plain_sha256, preview, created_at";

/// The statements of a purchase.
pub(super) const TOKEN: &str =
    "SELECT jti, kind, subject, issued_at, expires_at, revoked_at FROM tokens WHERE jti = $1";
pub(super) const ACCOUNT: &str = "SELECT id, email, username, username_key, password_hash, operator, created_at, \
     last_login_at, disabled_at FROM accounts WHERE id = $1";
pub(super) const INSERT_PURCHASE: &str = "INSERT INTO purchases (id, listing, buyer, state, method, price_amount, \
     price_currency, terms, version, licence, voucher, created_at, row_version) \
     VALUES ($1, $2, $3, 'paid', 'free', NULL, NULL, $4, NULL, $5, NULL, $6, 1)";
pub(super) const INSERT_LICENCE: &str = "INSERT INTO licences (id, listing, purchase, holder, allowed, used, reserved, \
     state, expires_at, free_retries, free_retries_used, keys_released, covers, created_at, row_version) \
     VALUES ($1, $2, $3, $4, $5, 0, 0, 'active', NULL, $6, 0, 0, NULL, $7, 1)";
pub(super) const INSERT_AUDIT: &str = "INSERT INTO audit_log (at, actor, action, subject, details) \
     VALUES ($1, $2, 'purchase_started', $3, $4) RETURNING id";
pub(super) const INSERT_ANSWER: &str = "INSERT INTO answers (principal, route, idempotency_key, request_sha256, status, \
     sealed_body, created_at) VALUES ($1, $2, $3, $4, 201, $5, $6)";

/// Of `listings`.
pub(super) struct ListingRow {
    pub(super) id: String,
    pub(super) publisher: String,
    pub(super) publisher_name: String,
    pub(super) kind: String,
    pub(super) state: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) price_amount: Option<String>,
    pub(super) price_currency: Option<String>,
    pub(super) terms: String,
    pub(super) created_at: i64,
}

/// Of `releases`.
pub(super) struct ReleaseRow {
    pub(super) id: String,
    pub(super) listing: String,
    pub(super) version: String,
    pub(super) state: String,
    pub(super) cipher: String,
    pub(super) blob_size: i64,
    pub(super) blob_sha256: String,
    pub(super) plain_size: i64,
    pub(super) preview: String,
    pub(super) created_at: i64,
}

/// A request for a page.
#[derive(Clone, Debug)]
pub(super) struct PageOf {
    pub(super) after: Option<(i64, String)>,
    pub(super) limit: usize,
}

/// A request to buy.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) buyer: String,
    pub(super) listing: String,
    pub(super) key: String,
    pub(super) request_sha256: String,
}

/// What a purchase writes.
pub(super) struct Sale {
    pub(super) purchase: String,
    pub(super) licence: String,
    pub(super) terms: String,
    pub(super) prints: i32,
    pub(super) free_retries: i32,
    pub(super) now: i64,
    pub(super) actor: String,
    pub(super) subject: String,
    pub(super) details: String,
    pub(super) answer: String,
}

impl PageOf {
    /// The statement that reads its listings, one more than the page has.
    pub(super) fn sql(&self) -> String {
        let place = match &self.after {
            Some(_) => "AND (created_at < $2 OR (created_at = $2 AND id < $3)) ",
            None => "",
        };
        let limit = self.limit + 1;
        format!(
            "SELECT {LISTING} FROM listings WHERE state = $1 {place}ORDER BY created_at DESC, id DESC LIMIT {limit}"
        )
    }
}

/// The statement that reads the releases of so many listings.
pub(super) fn releases_sql(count: usize) -> String {
    let places: Vec<String> = (1..=count).map(|place| format!("${place}")).collect();
    let places = places.join(", ");
    format!("SELECT {RELEASE} FROM releases WHERE listing IN ({places}) ORDER BY created_at DESC, id DESC")
}

/// A page of the catalogue as JSON.
pub(super) fn page(of: &PageOf, mut listings: Vec<ListingRow>, releases: Vec<ReleaseRow>) -> Result<String> {
    let next = (listings.len() > of.limit).then(|| {
        listings.truncate(of.limit);
        listings.last().map(|row| format!("{}.{}", row.created_at, row.id))
    });
    let mut shown = Vec::with_capacity(listings.len());
    for row in listings {
        shown.push(listing(row)?);
    }
    for row in releases {
        let place = shown.iter_mut().find(|listing| listing.id == row.listing);
        place.context("a release of no listing")?.releases.push(release(row)?);
    }
    Ok(serde_json::to_string(&ListingPage { listings: shown, next: next.flatten() })?)
}

/// Works out what a purchase of a free listing writes.
pub(super) fn sell(order: &Order, listing: &ListingRow) -> Result<Sale> {
    let terms: Terms = serde_json::from_str(&listing.terms)?;
    anyhow::ensure!(listing.price_amount.is_none() && listing.state == "listed", "it is not free");
    let purchase = PurchaseId::generate(&random()?).to_string();
    let licence = LicenceId::generate(&random()?).to_string();
    let now = now_ms();
    let facts = json!({"facts": [
        {"fact": "purchase_started", "purchase": purchase, "listing": order.listing, "buyer": order.buyer,
         "method": "free"},
        {"fact": "purchase_paid", "purchase": purchase, "licence": licence},
        {"fact": "licence_granted", "licence": licence, "listing": order.listing, "holder": order.buyer,
         "allowed": terms.prints},
    ]});
    let answer = PurchaseResponse {
        purchase: Purchase {
            id: purchase.clone(),
            listing: order.listing.clone(),
            method: "free".to_owned(),
            state: "paid".to_owned(),
            kind: "gcode".to_owned(),
            title: listing.title.clone(),
            price: None,
            licence: Some(licence.clone()),
            note: None,
            answer: None,
            created_at: rfc3339(now)?,
        },
        licence: Some(Licence {
            id: licence.clone(),
            listing: order.listing.clone(),
            title: listing.title.clone(),
            purchase: purchase.clone(),
            state: "active".to_owned(),
            prints_allowed: terms.prints,
            prints_used: 0,
            prints_reserved: 0,
            kind: "gcode".to_owned(),
            ..Licence::default()
        }),
        ..PurchaseResponse::default()
    };
    Ok(Sale {
        subject: format!("purchase:{purchase}"),
        actor: format!("user:{}", order.buyer),
        details: facts.to_string(),
        answer: serde_json::to_string(&answer)?,
        terms: listing.terms.clone(),
        prints: i32::try_from(terms.prints)?,
        free_retries: i32::try_from(terms.free_retries)?,
        purchase,
        licence,
        now,
    })
}

fn listing(row: ListingRow) -> Result<Listing> {
    let terms: Terms = serde_json::from_str(&row.terms)?;
    let price = row.price_amount.zip(row.price_currency);
    Ok(Listing {
        id: row.id,
        title: row.title,
        description: row.description,
        kind: row.kind,
        state: row.state,
        publisher: row.publisher,
        publisher_name: row.publisher_name,
        price: price.map(|(amount, currency)| Price { amount, currency }),
        payout: None,
        on_chain: None,
        prints: terms.prints,
        free_retries: terms.free_retries,
        seal_once: terms.seal_once,
        free_updates: true,
        valid_days: None,
        plugin: None,
        created_at: rfc3339(row.created_at)?,
        pictures: Vec::new(),
        rating: None,
        releases: Vec::new(),
    })
}

fn release(row: ReleaseRow) -> Result<Release> {
    Ok(Release {
        id: row.id,
        listing: row.listing,
        version: row.version,
        state: row.state,
        cipher: row.cipher,
        plain_size: row.plain_size.unsigned_abs(),
        blob_size: row.blob_size.unsigned_abs(),
        blob_sha256: row.blob_sha256,
        preview: serde_json::from_str(&row.preview)?,
        cid: None,
        manifest: None,
        signature: None,
        publisher_key: None,
        plain_sha256: None,
        notes: String::new(),
        created_at: rfc3339(row.created_at)?,
    })
}

fn rfc3339(ms: i64) -> Result<String> {
    Ok(OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000))?.format(&Rfc3339)?)
}

fn now_ms() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn random() -> Result<[u8; 13]> {
    let mut bytes = [0; 13];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(bytes)
}
