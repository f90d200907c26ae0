//! What of the rules' facts people can be told about.

use sealpost_api::catalogue::Price;
use sealpost_api::happening::{Happening, Print, Published, Revoked, Sale, Suspended};
use sealpost_database::Tx;
use sealpost_market::{Fact, Job, JobState, LicenceState, ListingState};

use super::record;
use crate::catalogue::find_listing;
use crate::fault::Result;
use crate::schema::value::count;
use crate::schema::{job, licence, listing, purchase, release};

/// Of a purchase whose listing is at hand.
pub(crate) fn of_sale(
    tx: &Tx,
    now: i64,
    listing: &listing::Model,
    row: &purchase::Model,
    facts: &[Fact],
) -> Result<()> {
    for fact in facts {
        match fact {
            Fact::PurchasePaid { .. } | Fact::PurchaseRestored { .. } => {
                record(tx, now, Happening::PurchasePaid(sale(listing, row)))?;
            }
            Fact::PurchaseRefunded { .. } => {
                record(tx, now, Happening::PurchaseRefunded(sale(listing, row)))?;
            }
            Fact::PurchaseCancelled { .. } => {
                record(tx, now, Happening::PurchaseCancelled(sale(listing, row)))?;
            }
            Fact::PurchaseDeclined { .. } => {
                let about = Sale { answer: row.answer.clone(), ..sale(listing, row) };
                record(tx, now, Happening::PurchaseDeclined(about))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Of a purchase.
pub(crate) async fn of_purchase(tx: &Tx, now: i64, row: &purchase::Model, facts: &[Fact]) -> Result<()> {
    if facts.is_empty() {
        return Ok(());
    }
    of_sale(tx, now, &find_listing(tx, &row.listing).await?, row, facts)
}

/// Of a licence that somebody took away.
pub(crate) fn of_licence(
    tx: &Tx,
    now: i64,
    listing: &listing::Model,
    row: &licence::Model,
    facts: &[Fact],
) -> Result<()> {
    let revoked =
        |fact: &Fact| matches!(fact, Fact::LicenceStateChanged { to, .. } if *to == LicenceState::Revoked);
    if !facts.iter().any(revoked) {
        return Ok(());
    }
    let about = Revoked {
        licence: row.id.clone(),
        purchase: row.purchase.clone(),
        listing: row.listing.clone(),
        title: listing.title.clone(),
        seller: listing.publisher.clone(),
        holder: row.holder.clone(),
    };
    record(tx, now, Happening::LicenceRevoked(about))
}

/// Of a job: `row` as it was, `job` as it is, and what was said besides.
pub(crate) async fn of_job(
    tx: &Tx,
    now: i64,
    row: &job::Model,
    job: &Job,
    said: Option<String>,
    facts: &[Fact],
) -> Result<()> {
    let pauses = job.state == JobState::Paused && row.state != JobState::Paused.as_str();
    let has = |wanted: fn(&Fact) -> bool| facts.iter().any(wanted);
    let tell: fn(Print) -> Happening = if has(|fact| matches!(fact, Fact::JobEnded { .. })) {
        Happening::JobEnded
    } else if has(|fact| matches!(fact, Fact::JobInterrupted { .. })) {
        Happening::JobInterrupted
    } else if pauses {
        Happening::JobPaused
    } else {
        return Ok(());
    };
    let seller = find_listing(tx, &row.listing).await?.publisher;
    let about = Print {
        job: row.id.clone(),
        licence: row.licence.clone(),
        purchase: row.purchase.clone(),
        listing: row.listing.clone(),
        release: row.release.clone(),
        title: row.title.clone(),
        seller,
        owner: row.owner.clone(),
        printer: row.printer.clone(),
        printer_name: row.printer_name.clone(),
        state: job.state.as_str().to_owned(),
        message: said.or_else(|| job.message.clone()),
        free_retry: job.free_retry,
        progress_permille: if job.state == JobState::Success { 1000 } else { count(row.progress_permille) },
    };
    record(tx, now, tell(about))
}

/// Of a version that was published.
pub(crate) fn of_release(tx: &Tx, now: i64, listing: &listing::Model, row: &release::Model) -> Result<()> {
    let about = Published {
        release: row.id.clone(),
        version: row.version.clone(),
        listing: listing.id.clone(),
        title: listing.title.clone(),
        seller: listing.publisher.clone(),
    };
    record(tx, now, Happening::ReleasePublished(about))
}

/// Of a listing that an operator took off sale.
pub(crate) fn of_listing(
    tx: &Tx,
    now: i64,
    row: &listing::Model,
    reason: Option<&str>,
    facts: &[Fact],
) -> Result<()> {
    let suspended =
        |fact: &Fact| matches!(fact, Fact::ListingStateChanged { to, .. } if *to == ListingState::Suspended);
    if !facts.iter().any(suspended) {
        return Ok(());
    }
    let about = Suspended {
        listing: row.id.clone(),
        title: row.title.clone(),
        seller: row.publisher.clone(),
        reason: reason.map(str::to_owned),
    };
    record(tx, now, Happening::ListingSuspended(about))
}

fn sale(listing: &listing::Model, row: &purchase::Model) -> Sale {
    let price = row.price_amount.clone().zip(row.price_currency.clone());
    Sale {
        purchase: row.id.clone(),
        listing: row.listing.clone(),
        title: listing.title.clone(),
        kind: row.kind.clone(),
        seller: listing.publisher.clone(),
        buyer: row.buyer.clone(),
        licence: row.licence.clone(),
        method: row.method.clone(),
        price: price.map(|(amount, currency)| Price { amount, currency }),
        answer: None,
    }
}
