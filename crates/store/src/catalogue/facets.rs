//! `/api/v1/catalogue`: what the catalogue can be filtered by.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use sealpost_api::catalogue::{Facet, Facets};
use sealpost_market::ListingState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cache::Page;
use crate::fault::Result;
use crate::schema::listing;
use crate::state::AppState;

/// Materials told at most; what is rarer is found by searching.
const MOST: usize = 40;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(facets))
}

/// What the listings of the catalogue differ in, and how many there are of each, most first.
#[utoipa::path(get, path = "/api/v1/catalogue", tag = "catalogue", responses((status = 200, body = Facets)))]
async fn facets(State(state): State<AppState>, headers: HeaderMap) -> Result<Response> {
    let now = state.clock.now_ms();
    let key = "facets".to_owned();
    let (kept, generation) = state.pages.get(&key, now);
    if let Some(page) = kept {
        return Ok(page.respond(&headers));
    }
    let page = Page::new(&count(&state).await?)?;
    state.pages.put(key, &page, generation, now);
    Ok(page.respond(&headers))
}

async fn count(state: &AppState) -> Result<Facets> {
    let rows = listing::Entity::find()
        .select_only()
        .columns([listing::Column::Kind, listing::Column::Materials, listing::Column::PriceCurrency])
        .column_as(listing::Column::Id.count(), "listings")
        .filter(listing::Column::State.eq(ListingState::Listed.as_str()))
        .group_by(listing::Column::Kind)
        .group_by(listing::Column::Materials)
        .group_by(listing::Column::PriceCurrency)
        .into_tuple::<(String, Option<String>, Option<String>, i64)>()
        .all(state.db.read())
        .await?;
    let (mut kinds, mut materials, mut currencies) =
        (Counted::default(), Counted::default(), Counted::default());
    let mut free = 0;
    for (kind, printed_with, currency, count) in rows {
        let count = count.unsigned_abs();
        kinds.add(&kind, count);
        for material in printed_with.as_deref().unwrap_or_default().split(';').filter(|name| !name.is_empty())
        {
            materials.add(material, count);
        }
        match currency {
            Some(currency) => currencies.add(&currency, count),
            None => free += count,
        }
    }
    Ok(Facets { kinds: kinds.done(), materials: materials.done(), currencies: currencies.done(), free })
}

#[derive(Default)]
struct Counted(BTreeMap<String, u64>);

impl Counted {
    fn add(&mut self, name: &str, count: u64) {
        *self.0.entry(name.to_owned()).or_default() += count;
    }

    fn done(self) -> Vec<Facet> {
        let mut all: Vec<_> = self.0.into_iter().map(|(name, count)| Facet { name, count }).collect();
        all.sort_by_key(|each| std::cmp::Reverse(each.count));
        all.truncate(MOST);
        all
    }
}
