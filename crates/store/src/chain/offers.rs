//! The history of what listings cost on chain: a payment is judged by what was asked when its block was made.

use std::collections::HashMap;

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};
use sealpost_api::Problem;
use sealpost_database::Tx;
use sealpost_market::ListingState;
use sealpost_market::chain::Address;

use super::port::ChainTerms;
use super::price::{self, ChainPrice};
use crate::fault::{Fault, Result};
use crate::random;
use crate::schema::chain_offer::{ActiveModel, Column, Entity, Model};
use crate::schema::listing;
use crate::schema::value::{named, parsed};
use crate::state::AppState;

/// What a listing costs on chain, and who is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) payout: Address,
    pub(crate) price: ChainPrice,
}

/// What is asked for a listing now; `None` where it is not sold on chain.
pub(crate) fn asked(terms: Option<&ChainTerms>, row: &listing::Model) -> Result<Option<Asked>> {
    let (Some(terms), Some(payout)) = (terms, &row.payout) else { return Ok(None) };
    if !named::<ListingState>(&row.state)?.is_for_sale() {
        return Ok(None);
    }
    let listing = row.to_market()?;
    let payout = parsed(payout)?;
    Ok(price::of(terms, &listing.price).ok().map(|price| Asked { payout, price }))
}

/// Writes down what a listing costs from now on, in the transaction that changes its price, payout or state. An offer ends when
/// the listing says something else than it, whatever chain this process is connected to or not: processes of one store may have
/// other settings for a while, and buyers go on paying.
pub(crate) async fn note(state: &AppState, tx: &Tx, row: &listing::Model) -> Result<()> {
    let now = state.clock.now_ms();
    let mut own = Vec::new();
    let terms = state.chain.as_deref().map(|port| port.terms());
    let source = terms.map(super::source);
    for offer in open(tx, &row.id).await? {
        if !still_says(row, &offer)? {
            close(tx, &offer, now).await?;
        } else if source.as_ref() == Some(&offer.source) {
            own.push(offer);
        }
    }
    let (Some(source), Some(asked)) = (source, asked(terms, row)?) else { return Ok(()) };
    let mut stays = false;
    for offer in own {
        if !stays && asked.is(&offer) {
            stays = true;
        } else {
            // The settings name another token by this symbol now.
            close(tx, &offer, now).await?;
        }
    }
    if stays {
        return Ok(());
    }
    let offer = Model {
        id: format!("of_{}", hex::encode(random::bytes::<16>()?)),
        listing: row.id.clone(),
        source,
        payout: asked.payout.to_string(),
        token: asked.price.token.map(String::from),
        currency: row.price_currency.clone().unwrap_or_default(),
        amount: asked.price.amount.to_string(),
        since_ms: now,
        until_ms: None,
    };
    Entity::insert(offer.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Sees to it that what somebody is told is in the history: a payment is judged by that.
///
/// # Errors
/// `not_sold_on_chain` when another process of the store knows the listing's currency as another token.
pub(crate) async fn ensure(
    state: &AppState,
    terms: &ChainTerms,
    row: &listing::Model,
    asked: Asked,
) -> Result<()> {
    let source = super::source(terms);
    let own = async || -> Result<Vec<Model>> {
        let open = open(state.db.read(), &row.id).await?;
        Ok(open.into_iter().filter(|offer| offer.source == source).collect())
    };
    let mut known = own().await?;
    if known.is_empty() {
        catch_up(state, &row.id).await?;
        known = own().await?;
    }
    match known.iter().any(|offer| asked.is(offer)) {
        true => Ok(()),
        false if known.iter().any(|offer| offer.token != asked.price.token.map(String::from)) => {
            Err(differs())
        }
        // It was changed since it was read.
        false => Err(Fault::Conflict),
    }
}

/// Opens what this process can sell and the history does not have: the chain may be new, or the listing was changed by a process
/// without it.
pub(crate) async fn reconcile(state: &AppState) -> Result<()> {
    let Some(port) = &state.chain else { return Ok(()) };
    let (db, source) = (state.db.read(), super::source(port.terms()));
    let mut open: HashMap<String, Vec<Model>> = HashMap::new();
    let offers = Entity::find().filter(Column::UntilMs.is_null()).filter(Column::Source.eq(source));
    for offer in offers.all(db).await? {
        open.entry(offer.listing.clone()).or_default().push(offer);
    }
    for row in listing::Entity::find().filter(listing::Column::Payout.is_not_null()).all(db).await? {
        let Some(asked) = asked(Some(port.terms()), &row)? else { continue };
        let known = open.remove(&row.id).unwrap_or_default();
        if !matches!(&*known, [only] if asked.is(only)) {
            catch_up(state, &row.id).await?;
        }
    }
    Ok(())
}

/// As [`note`], for a listing that nobody changes at this moment.
async fn catch_up(state: &AppState, listing: &str) -> Result<()> {
    let shared = (state.clone(), listing.to_owned());
    let noted = state.db.write(move |tx| {
        let (state, id) = shared.clone();
        Box::pin(async move {
            let Some(row) = listing::Entity::find_by_id(id).one(tx).await? else { return Ok(()) };
            hold(tx, &row).await?;
            note(&state, tx, &row).await
        })
    });
    noted.await
}

/// Keeps others from changing a listing until the transaction has ended.
async fn hold(tx: &Tx, row: &listing::Model) -> Result<()> {
    let next = listing::ActiveModel { row_version: Set(row.row_version + 1), ..Default::default() };
    let held = listing::Entity::update_many()
        .set(next)
        .filter(listing::Column::Id.eq(&row.id))
        .filter(listing::Column::RowVersion.eq(row.row_version))
        .exec(tx)
        .await?;
    if held.rows_affected == 1 { Ok(()) } else { Err(Fault::Conflict) }
}

async fn open(db: &impl ConnectionTrait, listing: &str) -> Result<Vec<Model>> {
    let open = Entity::find().filter(Column::Listing.eq(listing)).filter(Column::UntilMs.is_null());
    Ok(open.all(db).await?)
}

async fn close(tx: &Tx, offer: &Model, now: i64) -> Result<()> {
    let change = ActiveModel { until_ms: Set(Some(now)), ..Default::default() };
    Entity::update_many().set(change).filter(Column::Id.eq(&offer.id)).exec(tx).await?;
    Ok(())
}

/// Whether a listing still says what an offer of it says.
fn still_says(row: &listing::Model, offer: &Model) -> Result<bool> {
    Ok(named::<ListingState>(&row.state)?.is_for_sale()
        && row.payout.as_ref() == Some(&offer.payout)
        && row.price_currency.as_ref() == Some(&offer.currency)
        && row.price_amount.as_ref() == Some(&offer.amount))
}

fn differs() -> Fault {
    Problem::new(404, "not_sold_on_chain", "This is not sold on chain now")
        .detail("Processes of this store know its currency as different tokens.")
        .hint("The store's operator gives all its processes the same `[chain]` settings.")
        .into()
}

impl Asked {
    fn is(&self, offer: &Model) -> bool {
        offer.payout == self.payout.to_string()
            && offer.token == self.price.token.map(String::from)
            && offer.amount == self.price.amount.to_string()
    }
}
