//! What people report of listings: `/api/v1/listings/{id}/reports`, and the operators' queue of it.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use sealpost_accounts::{OperatorAuth, UserAuth, audit};
use sealpost_api::Problem;
use sealpost_api::operate::{CloseReport, ListingReport, NewReport, ReportPage, Reported};
use sealpost_database::clock::rfc3339;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::query::ReportsQuery;
use super::settings::plain;
use crate::catalogue::find_listing;
use crate::fault::{Fault, Result};
use crate::http::body::{Body, Path, Query};
use crate::http::once::{Answer, Once, once};
use crate::http::page::PageQuery;
use crate::schema::{listing, listing_report};
use crate::state::AppState;
use crate::{limits, random};

pub(super) const OPEN: &str = "open";
const CLOSED: &str = "closed";
const REASONS: [&str; 5] = ["dangerous", "stolen", "illegal", "misleading", "other"];
const WORDS_MAX: usize = 2_000;
const NOTE_MAX: usize = 500;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(report)).routes(routes!(list)).routes(routes!(close))
}

/// Tell the operators that something is wrong with a listing. Its publisher does not learn who did.
#[utoipa::path(post, path = "/api/v1/listings/{id}/reports", tag = "catalogue", params(("id" = String, Path)),
    request_body = NewReport, responses(
    (status = 201, body = Reported),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`reported_already`"),
    (status = 422, body = Problem, description = "`invalid`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn report(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Path(id): Path<String>,
    Body(new): Body<NewReport>,
) -> Result<Answer> {
    let request = Once::new(&headers, user.id().as_str(), "listings/reports", &(&id, &new))?;
    let row = to_row(&state, &user, &id, &new).await?;
    once(&state, request, StatusCode::CREATED, move |tx| {
        let (row, actor) = (row.clone(), user.actor());
        Box::pin(async move {
            let same = listing_report::Entity::find()
                .filter(listing_report::Column::Reporter.eq(&row.reporter))
                .filter(listing_report::Column::Listing.eq(&row.listing))
                .filter(listing_report::Column::State.eq(OPEN));
            if same.count(tx).await? > 0 {
                return Err(already());
            }
            listing_report::Entity::insert(row.clone().into_active_model())
                .exec_without_returning(tx)
                .await?;
            let details = json!({"report": row.id, "reason": row.reason});
            let subject = format!("listing:{}", row.listing);
            audit::record(tx, row.created_at, &actor, "listing.reported", &subject, details).await?;
            Ok(Reported { id: row.id })
        })
    })
    .await
}

/// What people reported of listings, the newest first.
#[utoipa::path(get, path = "/api/v1/operator/reports", tag = "operate", params(ReportsQuery), responses(
    (status = 200, body = ReportPage),
    (status = 403, body = Problem, description = "`operator_required`"),
))]
async fn list(
    State(state): State<AppState>,
    _operator: OperatorAuth,
    Query(query): Query<ReportsQuery>,
) -> Result<Json<ReportPage>> {
    let db = state.db.read();
    let page = PageQuery { after: query.after, limit: query.limit };
    let mut select = listing_report::Entity::find()
        .filter(page.condition(listing_report::Column::CreatedAt, listing_report::Column::Id)?)
        .order_by_desc(listing_report::Column::CreatedAt)
        .order_by_desc(listing_report::Column::Id)
        .limit(page.limit() + 1);
    match query.state.as_deref().unwrap_or(OPEN) {
        "all" => {}
        wanted @ (OPEN | CLOSED) => select = select.filter(listing_report::Column::State.eq(wanted)),
        _ => return Err(Fault::invalid("`state` is not open, closed or all.", "Send one of these words.")),
    }
    if let Some(listing) = &query.listing {
        select = select.filter(listing_report::Column::Listing.eq(listing));
    }
    let mut rows = select.all(db).await?;
    let next = page.cut(&mut rows, |row| (row.created_at, &row.id));
    let listings =
        listing::Entity::find().filter(listing::Column::Id.is_in(rows.iter().map(|row| &row.listing)));
    let listings: HashMap<String, listing::Model> =
        listings.all(db).await?.into_iter().map(|row| (row.id.clone(), row)).collect();
    let reporters: Vec<String> = rows.iter().map(|row| row.reporter.clone()).collect();
    let reporters: HashMap<String, String> =
        state.accounts.people_of(&reporters).await?.into_iter().map(|row| (row.id, row.username)).collect();
    let reports = rows.into_iter().map(|row| {
        let about = listings.get(&row.listing);
        ListingReport {
            title: about.map(|row| row.title.clone()).unwrap_or_default(),
            listing_state: about.map(|row| row.state.clone()).unwrap_or_default(),
            reporter_name: reporters.get(&row.reporter).cloned(),
            id: row.id,
            listing: row.listing,
            reporter: row.reporter,
            reason: row.reason,
            words: row.words,
            state: row.state,
            created_at: rfc3339(row.created_at),
            closed_at: row.closed_at.map(rfc3339),
            note: row.note,
        }
    });
    Ok(Json(ReportPage { reports: reports.collect(), next }))
}

/// Say that a report was looked at. What was done about the listing is done apart.
#[utoipa::path(post, path = "/api/v1/operator/reports/{id}/close", tag = "operate", params(("id" = String, Path)),
    request_body = CloseReport, responses(
    (status = 204),
    (status = 403, body = Problem, description = "`operator_required`"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn close(
    State(state): State<AppState>,
    operator: OperatorAuth,
    Path(id): Path<String>,
    Body(said): Body<CloseReport>,
) -> Result<StatusCode> {
    let (note, now) = (plain("note", &said.note, NOTE_MAX)?, state.clock.now_ms());
    state
        .db
        .write(move |tx| {
            let (actor, by) = (operator.0.actor(), operator.0.id().to_string());
            let (id, note) = (id.clone(), note.clone());
            Box::pin(async move {
                let row = listing_report::Entity::find_by_id(&id).one(tx).await?;
                let row = row.ok_or_else(|| Fault::not_found("report"))?;
                let closed = listing_report::Entity::update_many()
                    .col_expr(listing_report::Column::State, Expr::value(CLOSED))
                    .col_expr(listing_report::Column::ClosedBy, Expr::value(by))
                    .col_expr(listing_report::Column::ClosedAt, Expr::value(now))
                    .col_expr(listing_report::Column::Note, Expr::value(note.clone()))
                    .filter(listing_report::Column::Id.eq(&id))
                    .filter(listing_report::Column::State.eq(OPEN))
                    .exec(tx)
                    .await?;
                if closed.rows_affected == 1 {
                    let (subject, details) =
                        (format!("listing:{}", row.listing), json!({"report": id, "note": note}));
                    audit::record(tx, now, &actor, "listing.report_closed", &subject, details).await?;
                }
                Ok::<_, Fault>(())
            })
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn to_row(
    state: &AppState,
    user: &UserAuth,
    id: &str,
    new: &NewReport,
) -> Result<listing_report::Model> {
    let listing = find_listing(state.db.read(), id).await?;
    if !REASONS.contains(&new.reason.as_str()) {
        return Err(limits::invalid("reason", format!("it is one of {}", REASONS.join(", "))));
    }
    let words = plain("words", &new.words, WORDS_MAX)?;
    if new.reason == "other" && words.is_empty() {
        return Err(limits::invalid("words", "with `other` they say what is wrong"));
    }
    Ok(listing_report::Model {
        id: hex::encode(random::bytes::<12>()?),
        listing: listing.id,
        reporter: user.id().to_string(),
        reason: new.reason.clone(),
        words,
        state: OPEN.to_owned(),
        created_at: state.clock.now_ms(),
        closed_by: None,
        closed_at: None,
        note: None,
    })
}

fn already() -> Fault {
    Problem::new(409, "reported_already", "You have reported this listing")
        .detail("The operators have not closed your report yet.")
        .hint("They will look at it.")
        .into()
}
