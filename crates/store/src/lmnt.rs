//! The buying and printing routes of LMNT clients.

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use sea_orm::{ConnectionTrait, EntityTrait};
use sealpost_accounts::UserAuth;
use sealpost_api::Problem;
use sealpost_api::lmnt::{Prepare, Prepared, Print, Printed, PurchaseModel, PurchasedModel};
use sealpost_api::purchase::Payment;
use sealpost_database::Tx;
use sealpost_market::{ListingKind, RuleError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::catalogue::find_listing;
use crate::fault::{Fault, Result};
use crate::http::body::Body;
use crate::http::once::{Answer, Once, once};
use crate::identity;
use crate::jobs::claim::download_url;
use crate::jobs::create::{self, PrintOrder};
use crate::limits;
use crate::purchases::buy::{self, Order};
use crate::purchases::find_licence;
use crate::schema::value::to_timestamp;
use crate::schema::{job, licence, purchase};
use crate::state::AppState;

const LICENCE_TYPE: &str = "pay-per-print";

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(purchase_model)).routes(routes!(prepare)).routes(routes!(print))
}

/// Buy a listing, as LMNT clients do.
#[utoipa::path(post, path = "/api/purchase-model", tag = "lmnt", request_body = PurchaseModel, responses(
    (status = 200, body = PurchasedModel),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn purchase_model(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Body(new): Body<PurchaseModel>,
) -> Result<Answer> {
    same_person(new.user_id.as_deref(), &user)?;
    if new.license_type.as_deref().is_some_and(|kind| kind != LICENCE_TYPE) {
        return Err(limits::invalid("license_type", "this store sells `pay-per-print`"));
    }
    let request = Once::new(&headers, user.id().as_str(), "purchase-model", &new)?;
    let listing = find_listing(state.db.read(), &new.model_id).await?;
    if listing.kind == ListingKind::Plugin.as_str() {
        return Err(RuleError::NotPrintable.into());
    }
    let payment = if listing.price_amount.is_none() { Payment::Free } else { Payment::MarkedPaid };
    let order = Order::new(&state, user.id(), &listing, &payment).await?;
    let shared = state.clone();
    once(&state, request, StatusCode::OK, move |tx| {
        let (state, order, model_id) = (shared.clone(), order.clone(), new.model_id.clone());
        Box::pin(async move {
            let bought = buy::place(&state, tx, &order).await?;
            let status = if bought.licence.is_some() { "purchased" } else { "pending" };
            Ok(PurchasedModel {
                status: status.to_owned(),
                purchase_id: bought.purchase.id,
                model_id,
                license_type: LICENCE_TYPE.to_owned(),
                prints_allowed: bought.licence.as_ref().map_or(0, |licence| licence.prints_allowed),
                prints_used: bought.licence.as_ref().map_or(0, |licence| licence.prints_used),
            })
        })
    })
    .await
}

/// Look whether a print is left, and send it to the printer with `print_immediately`.
#[utoipa::path(post, path = "/api/prepare", tag = "lmnt", request_body = Prepare, responses(
    (status = 200, body = Prepared),
    (status = 402, body = Problem, description = "`licence_exhausted`, `not_paid`"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn prepare(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Body(new): Body<Prepare>,
) -> Result<Answer> {
    same_person(new.user_id.as_deref(), &user)?;
    let request = Once::new(&headers, user.id().as_str(), "prepare", &new)?;
    let shared = state.clone();
    once(&state, request, StatusCode::OK, move |tx| {
        let (state, user, new) = (shared.clone(), user.clone(), new.clone());
        Box::pin(async move {
            let licence = licence_of(tx, &new.purchase_id, &user).await?;
            let now = to_timestamp(state.clock.now_ms());
            licence.to_market()?.reserve(now)?;
            let job = if new.print_immediately {
                Some(send(&state, tx, &user, licence, new.printer_id).await?)
            } else {
                None
            };
            Ok(Prepared {
                status: if job.is_some() { "printing" } else { "completed" }.to_owned(),
                purchase_id: new.purchase_id,
                gcode_file_url: job.as_ref().map(|job| download_url(&state.origin, &job.id)),
                print_profile_id: new.print_profile_id,
                slicing_fee: "0".to_owned(),
                ttl_hours: state.config.job_expires_s / 3600,
                print_job_id: job.map(|job| job.id),
            })
        })
    })
    .await
}

/// Print, as LMNT clients do.
#[utoipa::path(post, path = "/api/print", tag = "lmnt", request_body = Print, responses(
    (status = 200, body = Printed),
    (status = 402, body = Problem, description = "`licence_exhausted`, `not_paid`"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn print(
    State(state): State<AppState>,
    user: UserAuth,
    headers: HeaderMap,
    Body(new): Body<Print>,
) -> Result<Answer> {
    same_person(new.user_id.as_deref(), &user)?;
    let request = Once::new(&headers, user.id().as_str(), "print", &new)?;
    let shared = state.clone();
    once(&state, request, StatusCode::OK, move |tx| {
        let (state, user, new) = (shared.clone(), user.clone(), new.clone());
        Box::pin(async move {
            let licence = licence_of(tx, &new.purchase_id, &user).await?;
            let job = send(&state, tx, &user, licence, new.printer_id).await?;
            Ok(Printed { status: "queued".to_owned(), purchase_id: new.purchase_id, print_job_id: job.id })
        })
    })
    .await
}

async fn send(
    state: &AppState,
    tx: &Tx,
    user: &UserAuth,
    licence: licence::Model,
    printer: Option<String>,
) -> Result<job::Model> {
    let printer = match printer {
        Some(printer) => printer,
        None => only_printer(tx, user).await?,
    };
    create::place(state, tx, &PrintOrder::new(user.id(), licence.id, printer, None)?).await
}

async fn only_printer(tx: &Tx, user: &UserAuth) -> Result<String> {
    match identity::ids_of_owner(tx, user.id()).await?.as_slice() {
        [printer] => Ok(printer.clone()),
        printers => Err(Problem::new(422, "which_printer", "It is not clear which printer is meant")
            .detail(format!("You have {} printers.", printers.len()))
            .hint("Send `printer_id`; `GET /api/v1/printers` lists yours.")
            .into()),
    }
}

/// The licence that a purchase of this person's gave.
async fn licence_of(db: &impl ConnectionTrait, purchase: &str, user: &UserAuth) -> Result<licence::Model> {
    let row = purchase::Entity::find_by_id(purchase).one(db).await?;
    let row = row.filter(|row| row.buyer == user.id().as_str());
    let row = row.ok_or_else(|| Fault::not_found("purchase"))?;
    match &row.licence {
        Some(licence) => find_licence(db, licence).await,
        None => Err(Problem::new(402, "not_paid", "This purchase is not paid")
            .hint("Pay the seller, who then marks the purchase as paid.")
            .into()),
    }
}

fn same_person(claimed: Option<&str>, user: &UserAuth) -> Result<()> {
    if claimed.is_none_or(|id| id == user.id().as_str()) {
        return Ok(());
    }
    Err(Problem::new(403, "other_user", "The request names another person")
        .hint("Leave `user_id` out, or send your own.")
        .into())
}
