//! What was sold, what is left of it, and how the prints went: for sellers.

mod csv;
mod interrupted;
mod list;
mod query;
mod summary;

use std::collections::HashMap;

use sea_orm::sea_query::Query as Sql;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use sealpost_accounts::UserAuth;
use utoipa_axum::router::OpenApiRouter;

use crate::fault::Result;
use crate::schema::listing;
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().merge(list::router()).merge(summary::router()).merge(interrupted::router())
}

/// Rows of this person's listings; for an operator who asks for it, of all.
fn mine(user: &UserAuth, everybody: bool, column: impl ColumnTrait) -> Result<Condition> {
    if everybody {
        user.require_operator()?;
        return Ok(Condition::all());
    }
    let mut listings = Sql::select();
    listings
        .column(listing::Column::Id)
        .from(listing::Entity)
        .and_where(listing::Column::Publisher.eq(user.id().as_str()));
    Ok(Condition::all().add(column.in_subquery(listings)))
}

/// Listings by id.
async fn listings_of(
    state: &AppState,
    ids: impl IntoIterator<Item = &str>,
) -> Result<HashMap<String, listing::Model>> {
    let ids: std::collections::BTreeSet<_> = ids.into_iter().collect();
    let rows = listing::Entity::find().filter(listing::Column::Id.is_in(ids)).all(state.db.read()).await?;
    Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
}

/// What people call themselves, by account id.
pub(crate) async fn names_of(
    state: &AppState,
    ids: impl IntoIterator<Item = &str>,
) -> Result<HashMap<String, String>> {
    let ids: std::collections::BTreeSet<_> = ids.into_iter().collect();
    let names = state.accounts.names_of(&ids.into_iter().collect::<Vec<_>>()).await?;
    Ok(names.into_iter().collect())
}
