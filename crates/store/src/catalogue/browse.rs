//! `GET /api/v1/listings`: searched, filtered, sorted, in pages.

use std::collections::HashMap;

use sea_orm::sea_query::Order;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_api::catalogue::{Listing, ListingPage};
use sealpost_market::{Currency, ListingState};

use super::query::ListQuery;
use super::{listings, offer, pictures, releases, shelf};
use crate::fault::{Fault, Result};
use crate::http::page::PageQuery;
use crate::limits;
use crate::schema::{listing, release};
use crate::state::AppState;

/// By what a page is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sort {
    #[default]
    Newest,
    Popular,
    Rating,
    Price,
    PriceDown,
}

/// One page.
pub(super) async fn page(state: &AppState, query: &ListQuery) -> Result<ListingPage> {
    let sort = sort(query)?;
    if sort == Sort::Popular && state.pages.counts_again(state.clock.now_ms(), shelf::COUNTED_EVERY_MS) {
        // An older count sorts too.
        if let Err(fault) = shelf::count_sales(state).await {
            tracing::error!(problem = %fault.problem(), "sales cannot be counted");
        }
    }
    let page = PageQuery { after: query.after.clone(), limit: query.limit };
    let (column, order) = sort.column();
    let select = listing::Entity::find()
        .filter(listing::Column::State.eq(ListingState::Listed.as_str()))
        .filter(wanted(query)?)
        .filter(behind(sort, query.after.as_deref())?)
        .order_by(column, order.clone())
        .order_by(listing::Column::Id, order)
        .limit(page.limit() + 1);
    let mut rows = select.all(state.db.read()).await?;
    let next = page.cut(&mut rows, |row| (sort.place(row), &row.id));
    Ok(ListingPage { listings: in_short(state, &rows).await?, next })
}

/// Listings as pages show them: of their releases' manifests what people read first.
pub(super) async fn in_short(state: &AppState, rows: &[listing::Model]) -> Result<Vec<Listing>> {
    let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
    let mut found: HashMap<String, Vec<release::Model>> = HashMap::new();
    for row in releases::of(state.db.read(), &ids).await? {
        found.entry(row.listing.clone()).or_default().push(row);
    }
    let mut shown = pictures::of(state.db.read(), &ids).await?;
    let listings = rows.iter().map(|row| {
        let releases = found.remove(&row.id).unwrap_or_default();
        let releases = releases.iter().map(releases::in_short).collect::<Result<_>>()?;
        let pictures = shown.remove(&row.id).unwrap_or_default();
        Ok(Listing { releases, pictures, ..listings::to_api(state, row, Vec::new())? })
    });
    listings.collect()
}

fn wanted(query: &ListQuery) -> Result<Condition> {
    let mut all = Condition::all();
    if let Some(publisher) = &query.publisher {
        all = all.add(listing::Column::Publisher.eq(publisher));
    }
    if let Some(kind) = &query.kind {
        all = all.add(listing::Column::Kind.eq(offer::kind(kind)?.as_str()));
    }
    if let Some(material) = query.material.as_deref().filter(|name| !shelf::material(name).is_empty()) {
        all = all.add(shelf::printed_with(material));
    }
    if query.free == Some(true) {
        all = all.add(listing::Column::PriceAmount.is_null());
    }
    if let Some(most) = &query.max_price {
        let currency = query
            .currency
            .as_deref()
            .ok_or_else(|| limits::invalid("max_price", "it comes with its `currency`"))?;
        let currency: Currency = currency.parse().map_err(|error| limits::invalid("currency", error))?;
        let money = sealpost_market::Money::parse(most, currency.as_str())
            .map_err(|error| limits::invalid("max_price", error))?;
        let rank = shelf::price_rank(Some(&money.amount_text()), Some(currency.as_str()));
        let affordable = Condition::all()
            .add(listing::Column::PriceCurrency.eq(currency.as_str()))
            .add(listing::Column::PriceRank.lte(rank));
        all = all.add(Condition::any().add(listing::Column::PriceAmount.is_null()).add(affordable));
    }
    Ok(all.add_option(query.q.as_deref().and_then(shelf::holds_all)))
}

fn sort(query: &ListQuery) -> Result<Sort> {
    let Some(name) = &query.sort else { return Ok(Sort::default()) };
    serde_json::from_value(name.as_str().into())
        .map_err(|_| limits::invalid("sort", "it is `newest`, `popular`, `rating`, `price` or `price_down`"))
}

/// Rows behind the last one of the page before, `PLACE.ID`.
fn behind(sort: Sort, after: Option<&str>) -> Result<Condition> {
    let Some(after) = after else { return Ok(Condition::all()) };
    let read = after.split_once('.').and_then(|(place, id)| Some((place.parse::<i64>().ok()?, id)));
    let (place, id) = read.ok_or_else(|| {
        Fault::invalid("`after` is not from an earlier page.", "Send `next` of the page before.")
    })?;
    let (column, order) = sort.column();
    let (further, later) = match order {
        Order::Asc => (column.gt(place), listing::Column::Id.gt(id)),
        _ => (column.lt(place), listing::Column::Id.lt(id)),
    };
    Ok(Condition::any().add(further).add(Condition::all().add(column.eq(place)).add(later)))
}

impl Sort {
    fn column(self) -> (listing::Column, Order) {
        match self {
            Self::Newest => (listing::Column::CreatedAt, Order::Desc),
            Self::Popular => (listing::Column::Sold, Order::Desc),
            Self::Rating => (listing::Column::RatingRank, Order::Desc),
            Self::Price => (listing::Column::PriceRank, Order::Asc),
            Self::PriceDown => (listing::Column::PriceRank, Order::Desc),
        }
    }

    fn place(self, row: &listing::Model) -> i64 {
        match self {
            Self::Newest => row.created_at,
            Self::Popular => row.sold.into(),
            Self::Rating => row.rating_rank,
            Self::Price | Self::PriceDown => row.price_rank,
        }
    }
}
