//! `/api/v1/people`: accounts, as those who run the store see and change them.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use sealpost_accounts::{OperatorAuth, PeopleFilter, Profile, people};
use sealpost_api::Problem;
use sealpost_api::operate::{PeoplePage, Person, PersonChanges, SuspendPerson};
use sealpost_api::ways::Proof;
use sealpost_database::clock::rfc3339;
use sealpost_market::AccountId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::office::{self, Left};
use super::query::PeopleQuery;
use super::{reason, suspensions};
use crate::fault::{Fault, Result};
use crate::http::body::{Body, Path, Query};
use crate::http::page::PageQuery;
use crate::identity::printer;
use crate::schema::{listing, purchase, release};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, change))
        .routes(routes!(suspend))
        .routes(routes!(lift))
}

/// Who has an account here, the newest first.
#[utoipa::path(get, path = "/api/v1/people", tag = "operate", params(PeopleQuery), responses(
    (status = 200, body = PeoplePage),
    (status = 403, body = Problem, description = "`operator_required`"),
))]
async fn list(
    State(state): State<AppState>,
    _operator: OperatorAuth,
    Query(query): Query<PeopleQuery>,
) -> Result<Json<PeoplePage>> {
    let page = PageQuery { after: query.after, limit: query.limit };
    let shown = query.show.as_deref().unwrap_or_default();
    if !["", "operators", "suspended"].contains(&shown) {
        return Err(Fault::invalid("`show` is not `operators` or `suspended`.", "Send one of these words."));
    }
    let filter = PeopleFilter {
        text: query.q.map(|text| text.replace('\0', "\u{fffd}")).filter(|text| !text.trim().is_empty()),
        operators: shown == "operators",
        suspended: shown == "suspended",
        after: page.place()?,
        limit: page.limit(),
    };
    let found = state.accounts.people(&filter).await?;
    let next =
        found.profiles.last().filter(|_| found.more).map(|row| format!("{}.{}", row.created_at, row.id));
    let (accounts, operators) = state.accounts.count_people().await?;
    let people = shown_with_counts(state.db.read(), found.profiles).await?;
    Ok(Json(PeoplePage { people, accounts, operators, next }))
}

/// One account.
#[utoipa::path(get, path = "/api/v1/people/{id}", tag = "operate", params(("id" = String, Path)), responses(
    (status = 200, body = Person),
    (status = 403, body = Problem, description = "`operator_required`"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn show(
    State(state): State<AppState>,
    _operator: OperatorAuth,
    Path(id): Path<String>,
) -> Result<Json<Person>> {
    one(&state, &id).await
}

/// Give somebody the operator's role, or take it. The last operator keeps it. Whoever asks shows that it is really them.
#[utoipa::path(patch, path = "/api/v1/people/{id}", tag = "operate", params(("id" = String, Path)),
    request_body = PersonChanges, responses(
    (status = 200, body = Person),
    (status = 403, body = Problem, description = "`operator_required`, `proof_required`, `wrong_credentials`, `passkey_refused`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`last_operator`, `account_suspended`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn change(
    State(state): State<AppState>,
    operator: OperatorAuth,
    Path(id): Path<String>,
    Body(changes): Body<PersonChanges>,
) -> Result<Json<Person>> {
    let (account, now) = (account(&id)?, state.clock.now_ms());
    if let Some(role) = changes.operator {
        let proof = Proof { password: changes.password, passkey: changes.passkey };
        state.accounts.prove(&operator.0.0, proof).await?;
        let shared = state.clone();
        state
            .db
            .write(move |tx| {
                let (by, account, state) = (operator.0.0.clone(), account.clone(), shared.clone());
                Box::pin(async move {
                    people::set_operator(tx, &by, &account, role, now).await?;
                    if role { Ok(()) } else { office::leave(&state, tx, &account, Left::RoleTaken).await }
                })
            })
            .await?;
    }
    one(&state, &id).await
}

/// Suspend an account: its sign-ins end at once, its listings are suspended with it; prints that were paid go on.
#[utoipa::path(post, path = "/api/v1/people/{id}/suspend", tag = "operate", params(("id" = String, Path)),
    request_body = SuspendPerson, responses(
    (status = 200, body = Person),
    (status = 403, body = Problem, description = "`operator_required`, `proof_required`, `wrong_credentials`, `passkey_refused`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`last_operator`, `own_account`"),
    (status = 422, body = Problem, description = "`invalid`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn suspend(
    State(state): State<AppState>,
    operator: OperatorAuth,
    Path(id): Path<String>,
    Body(why): Body<SuspendPerson>,
) -> Result<Json<Person>> {
    let (account, reason, shared) = (account(&id)?, reason(&why.reason)?, state.clone());
    state.accounts.prove(&operator.0.0, why.proof).await?;
    state
        .db
        .write(move |tx| {
            let (by, account) = (operator.0.clone(), account.clone());
            let (state, reason) = (shared.clone(), reason.clone());
            Box::pin(async move {
                people::suspend(tx, &by.0, &account, &reason, state.clock.now_ms()).await?;
                office::leave(&state, tx, &account, Left::Suspended).await?;
                suspensions::with_publisher(&state, tx, &by, account.as_str(), &reason).await
            })
        })
        .await?;
    one(&state, &id).await
}

/// Lift the suspension of an account: its listings are as before, but for those that were suspended for themselves.
#[utoipa::path(post, path = "/api/v1/people/{id}/lift", tag = "operate", params(("id" = String, Path)),
    request_body = Proof, responses(
    (status = 200, body = Person),
    (status = 403, body = Problem, description = "`operator_required`, `proof_required`, `wrong_credentials`, `passkey_refused`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn lift(
    State(state): State<AppState>,
    operator: OperatorAuth,
    Path(id): Path<String>,
    Body(proof): Body<Proof>,
) -> Result<Json<Person>> {
    let (account, shared) = (account(&id)?, state.clone());
    state.accounts.prove(&operator.0.0, proof).await?;
    state
        .db
        .write(move |tx| {
            let (by, account, state) = (operator.0.clone(), account.clone(), shared.clone());
            Box::pin(async move {
                people::lift(tx, &by.0, &account, state.clock.now_ms()).await?;
                suspensions::lifted_with_publisher(&state, tx, &by, account.as_str()).await
            })
        })
        .await?;
    one(&state, &id).await
}

async fn one(state: &AppState, id: &str) -> Result<Json<Person>> {
    let found = state.accounts.people_of(&[account(id)?.to_string()]).await?;
    let people = shown_with_counts(state.db.read(), found).await?;
    people.into_iter().next().map(Json).ok_or_else(|| Fault::not_found("account"))
}

fn account(id: &str) -> Result<AccountId> {
    AccountId::parse(id).map_err(|_| Fault::not_found("account"))
}

#[derive(FromQueryResult)]
struct Counted {
    owner: String,
    count: i64,
}

async fn shown_with_counts(db: &DatabaseConnection, profiles: Vec<Profile>) -> Result<Vec<Person>> {
    let ids: Vec<String> = profiles.iter().map(|profile| profile.id.clone()).collect();
    let printers = printer::Entity::find()
        .select_only()
        .column_as(printer::Column::Owner, "owner")
        .column_as(printer::Column::Id.count(), "count")
        .filter(printer::Column::Owner.is_in(&ids))
        .filter(printer::Column::RemovedAt.is_null())
        .group_by(printer::Column::Owner);
    let listings = listing::Entity::find()
        .select_only()
        .column_as(listing::Column::Publisher, "owner")
        .column_as(listing::Column::Id.count(), "count")
        .filter(listing::Column::Publisher.is_in(&ids))
        .group_by(listing::Column::Publisher);
    let purchases = purchase::Entity::find()
        .select_only()
        .column_as(purchase::Column::Buyer, "owner")
        .column_as(purchase::Column::Id.count(), "count")
        .filter(purchase::Column::Buyer.is_in(&ids))
        .filter(purchase::Column::State.ne("pending"))
        .filter(purchase::Column::State.ne("failed"))
        .group_by(purchase::Column::Buyer);
    let storage = listing::Entity::find()
        .select_only()
        .column_as(listing::Column::Publisher, "owner")
        .column_as(super::quotas::bytes(), "count")
        .inner_join(release::Entity)
        .filter(listing::Column::Publisher.is_in(&ids))
        .group_by(listing::Column::Publisher);
    let printers = by_owner(printers.into_model().all(db).await?);
    let listings = by_owner(listings.into_model().all(db).await?);
    let purchases = by_owner(purchases.into_model().all(db).await?);
    let storage = by_owner(storage.into_model().all(db).await?);
    let of = |counts: &HashMap<String, u64>, id: &str| counts.get(id).copied().unwrap_or_default();
    Ok(profiles
        .into_iter()
        .map(|row| Person {
            printers: of(&printers, &row.id),
            listings: of(&listings, &row.id),
            purchases: of(&purchases, &row.id),
            storage_bytes: of(&storage, &row.id),
            id: row.id,
            username: row.username,
            email: row.email,
            operator: row.operator,
            created_at: rfc3339(row.created_at),
            last_seen: row.last_seen.map(rfc3339),
            suspended_at: row.suspended_at.map(rfc3339),
        })
        .collect())
}

fn by_owner(rows: Vec<Counted>) -> HashMap<String, u64> {
    rows.into_iter().map(|row| (row.owner, row.count.unsigned_abs())).collect()
}
