//! What reviews go by, and what they add up to.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use sealpost_database::Tx;
use sealpost_market::{Held, JobState, ListingKind, PurchaseState, is_refunded, is_shown, rating_rank};

use crate::fault::Result;
use crate::schema::value::{count, name, named};
use crate::schema::{device, job, licence, listing, purchase, review};
use crate::state::AppState;

/// What somebody has of a listing.
pub(super) async fn held(db: &impl ConnectionTrait, listing: &str, holder: &str) -> Result<Vec<Held>> {
    let licences = licence::Entity::find()
        .filter(licence::Column::Holder.eq(holder))
        .filter(licence::Column::Listing.eq(listing))
        .all(db)
        .await?;
    let mut held = Vec::with_capacity(licences.len());
    for row in &licences {
        held.push(Held {
            payment: named(&row.payment)?,
            refunded: gave_back(db, &row.purchase).await?,
            used: is_used(db, row).await?,
        });
    }
    Ok(held)
}

async fn gave_back(db: &impl ConnectionTrait, id: &str) -> Result<bool> {
    let state = purchase::Entity::find_by_id(id)
        .select_only()
        .column(purchase::Column::State)
        .into_tuple::<String>()
        .one(db)
        .await?;
    Ok(state == Some(name(&PurchaseState::Refunded)?))
}

/// A print that ended began before: what was cancelled while it waited, or ran out, says nothing about the file.
async fn is_used(db: &impl ConnectionTrait, row: &licence::Model) -> Result<bool> {
    if row.kind == ListingKind::Plugin.as_str() {
        return Ok(device::Entity::find().filter(device::Column::Licence.eq(&row.id)).count(db).await? > 0);
    }
    let ended = [JobState::Success, JobState::Failure, JobState::Cancelled].map(JobState::as_str);
    let prints = job::Entity::find()
        .filter(job::Column::Licence.eq(&row.id))
        .filter(job::Column::Started.eq(true))
        .filter(job::Column::State.is_in(ended));
    Ok(prints.count(db).await? > 0)
}

/// What is said of a buyer's review depends on their money: called when a purchase was paid, given back or undone.
pub(crate) async fn payment_changed(state: &AppState, tx: &Tx, listing: &str, buyer: &str) -> Result<()> {
    let mine = review::Entity::find()
        .filter(review::Column::Listing.eq(listing))
        .filter(review::Column::Author.eq(buyer));
    let Some(row) = mine.one(tx).await? else { return Ok(()) };
    let held = held(tx, listing, buyer).await?;
    let (shown, refunded) = (is_shown(&held), is_refunded(&held));
    if (shown, refunded) == (row.shown, row.refunded) {
        return Ok(());
    }
    let change = review::ActiveModel { shown: Set(shown), refunded: Set(refunded), ..Default::default() };
    review::Entity::update_many().set(change).filter(review::Column::Id.eq(&row.id)).exec(tx).await?;
    add_up(state, tx, listing).await
}

/// Writes down what a listing's reviews add up to.
pub(super) async fn add_up(state: &AppState, tx: &Tx, listing: &str) -> Result<()> {
    // Whoever counts at the same time waits, and then counts this one too.
    listing::Entity::find_by_id(listing).lock_exclusive().one(tx).await?;
    let by_stars = stars(tx, listing).await?;
    let reviews: u32 = by_stars.iter().sum();
    let stars = (1..).zip(by_stars).map(|(stars, reviews)| stars * reviews).sum();
    let change = listing::ActiveModel {
        stars: Set(crate::schema::value::stored(stars)),
        reviews: Set(crate::schema::value::stored(reviews)),
        rating_rank: Set(rating_rank(stars, reviews).into()),
        ..Default::default()
    };
    listing::Entity::update_many().set(change).filter(listing::Column::Id.eq(listing)).exec(tx).await?;
    let state = state.clone();
    tx.after_commit(move || state.pages.clear());
    Ok(())
}

/// How many reviews that are shown have one star, two, and so on.
pub(super) async fn stars(db: &impl ConnectionTrait, listing: &str) -> Result<[u32; 5]> {
    let counted = review::Entity::find()
        .select_only()
        .column(review::Column::Stars)
        .column_as(review::Column::Id.count(), "reviews")
        .filter(review::Column::Listing.eq(listing))
        .filter(review::Column::Shown.eq(true))
        .group_by(review::Column::Stars)
        .into_tuple::<(i32, i64)>()
        .all(db)
        .await?;
    let mut stars = [0; 5];
    for (each, reviews) in counted {
        let place = usize::try_from(count(each)).ok().and_then(|place| place.checked_sub(1));
        if let Some(slot) = place.and_then(|place| stars.get_mut(place)) {
            *slot = u32::try_from(reviews).unwrap_or(0);
        }
    }
    Ok(stars)
}
