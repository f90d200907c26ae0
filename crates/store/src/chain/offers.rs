//! The history of what listings cost on chain: a payment is judged by what was asked when its block was made.

use std::collections::HashMap;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Query as Select, SelectStatement};
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter};
use sealpost_database::Tx;
use sealpost_market::ListingState;
use sealpost_market::chain::Address;

use super::port::ChainTerms;
use super::price::{self, ChainPrice};
use crate::fault::Result;
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
    if named::<ListingState>(&row.state)? == ListingState::Suspended {
        return Ok(None);
    }
    let listing = row.to_market()?;
    let payout = parsed(payout)?;
    Ok(price::of(terms, &listing.price).ok().map(|price| Asked { payout, price }))
}

/// Writes down what a listing costs from now on, in the transaction that changes its price, payout or state.
pub(crate) async fn note(state: &AppState, tx: &Tx, row: &listing::Model) -> Result<()> {
    let now = state.clock.now_ms();
    let asked = asked(state.chain.as_deref().map(|port| port.terms()), row)?;
    let open =
        Entity::find().filter(Column::Listing.eq(&row.id)).filter(Column::UntilMs.is_null()).all(tx).await?;
    let mut stays = false;
    for offer in open {
        if !stays && asked.is_some_and(|asked| asked.is(&offer)) {
            stays = true;
            continue;
        }
        let change = ActiveModel { until_ms: Set(Some(now)), ..Default::default() };
        Entity::update_many().set(change).filter(Column::Id.eq(&offer.id)).exec(tx).await?;
    }
    if let Some(asked) = asked.filter(|_| !stays) {
        let offer = Model {
            id: format!("of_{}", hex::encode(random::bytes::<16>()?)),
            listing: row.id.clone(),
            payout: asked.payout.to_string(),
            token: asked.price.token.map(String::from),
            amount: asked.price.amount.to_string(),
            since_ms: now,
            until_ms: None,
        };
        Entity::insert(offer.into_active_model()).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Brings the history up to the settings: the chain, or its tokens, may have changed while the store was closed.
pub(crate) async fn reconcile(state: &AppState) -> Result<()> {
    let db = state.db.read();
    let terms = state.chain.as_deref().map(|port| port.terms());
    let mut open: HashMap<String, Vec<Model>> = HashMap::new();
    for offer in Entity::find().filter(Column::UntilMs.is_null()).all(db).await? {
        open.entry(offer.listing.clone()).or_default().push(offer);
    }
    let concerned = Condition::any()
        .add(listing::Column::Payout.is_not_null())
        .add(listing::Column::Id.in_subquery(with_open_offers()));
    for row in listing::Entity::find().filter(concerned).all(db).await? {
        let known = open.remove(&row.id).unwrap_or_default();
        let is_right = match asked(terms, &row)? {
            Some(asked) => matches!(&*known, [only] if asked.is(only)),
            None => known.is_empty(),
        };
        if is_right {
            continue;
        }
        let shared = (state.clone(), row.id);
        let noted = state.db.write(move |tx| {
            let (state, id) = shared.clone();
            Box::pin(async move {
                match listing::Entity::find_by_id(id).one(tx).await? {
                    Some(row) => note(&state, tx, &row).await,
                    None => Ok(()),
                }
            })
        });
        noted.await?;
    }
    Ok(())
}

fn with_open_offers() -> SelectStatement {
    Select::select().column(Column::Listing).from(Entity).and_where(Column::UntilMs.is_null()).to_owned()
}

impl Asked {
    fn is(&self, offer: &Model) -> bool {
        offer.payout == self.payout.to_string()
            && offer.token == self.price.token.map(String::from)
            && offer.amount == self.price.amount.to_string()
    }
}
