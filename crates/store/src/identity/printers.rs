//! A person's printers: register, list, rename, unpair.

use axum::{Json, extract::State};
use http::StatusCode;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};
use sealpost_accounts::{
    Actor, ApiError, IssuedToken, Issuer, TokenKind, UserAuth, audit,
    extract::{ApiJson, ApiPath},
    random::{id_bytes, system_rng},
    tokens,
};
use sealpost_api::{
    Problem,
    pairing::{Printer, PrinterList, RegisterPrinter, RegisteredPrinter, RenamePrinter},
};
use sealpost_database::{Tx, clock::rfc3339};
use sealpost_market::{AccountId, PrinterId};
use serde_json::json;

use super::{
    Identity,
    agent::{Around, ONLINE_MS, Protocol},
    describe,
    entity::printer,
    pairing::{live_with_key, printer_key},
};
use crate::fault::Fault;
use crate::jobs::{self, AtPrinter};

/// Register a printer by its public key, signed in as its owner.
#[utoipa::path(post, path = "/api/register-printer", tag = "printers", request_body = RegisterPrinter, responses(
    (status = 200, body = RegisteredPrinter),
    (status = 409, body = Problem, description = "`printer_of_another`"),
    (status = 422, body = Problem, description = "`public_key_unusable`, `invalid`"),
))]
pub(super) async fn register(
    State(identity): State<Identity>,
    user: UserAuth,
    protocol: Protocol,
    ApiJson(request): ApiJson<RegisterPrinter>,
) -> Result<Json<RegisteredPrinter>, ApiError> {
    let public = printer_key(&request.printer_public_key, "x25519", None)?;
    let line = |text: Option<&str>| text.and_then(describe::line).unwrap_or_default();
    let now = identity.now_ms();
    let new = printer::Model {
        id: PrinterId::generate(&id_bytes(&mut system_rng())).to_string(),
        owner: user.id().to_string(),
        name: describe::line(&request.printer_name).ok_or_else(no_name)?,
        description: request.description.as_deref().map(describe::text).unwrap_or_default(),
        manufacturer: line(request.manufacturer.as_deref()),
        model: line(request.model.as_deref()),
        extruders: None,
        public_key: public.to_string(),
        key_id: public.key_id(),
        sealpost_agent: protocol == Protocol::Sealpost,
        active_jti: None,
        created_at: now,
        last_seen_at: None,
        removed_at: None,
        agent: None,
        reduced: None,
    };
    let issuer = identity.accounts().tokens().issuer().await?;
    let (row, issued) =
        identity.write_again(move |tx| Box::pin(insert(tx, issuer.clone(), new.clone(), now))).await?;
    Ok(Json(RegisteredPrinter {
        id: row.id,
        user_id: row.owner,
        printer_name: row.name,
        manufacturer: row.manufacturer,
        model: row.model,
        kek_id: row.key_id,
        printer_token: issued.token.expose().to_owned(),
        token_expires: rfc3339(issued.expires_at * 1000),
        store_root_key: hex::encode(identity.root_key().as_bytes()),
    }))
}

/// The printers of the account, in order of pairing.
#[utoipa::path(get, path = "/api/v1/printers", tag = "printers", responses((status = 200, body = PrinterList)))]
pub(super) async fn list(
    State(identity): State<Identity>,
    user: UserAuth,
) -> Result<Json<PrinterList>, ApiError> {
    let rows = printer::Entity::find()
        .filter(printer::Column::Owner.eq(user.id().as_str()))
        .filter(printer::Column::RemovedAt.is_null())
        .order_by_asc(printer::Column::CreatedAt)
        .order_by_asc(printer::Column::Id)
        .all(identity.0.db.read())
        .await?;
    Ok(Json(PrinterList { printers: identity.views(&user, rows).await? }))
}

/// One printer of the account, and what it is at.
#[utoipa::path(get, path = "/api/v1/printers/{id}", tag = "printers", params(("id" = String, Path)), responses(
    (status = 200, body = Printer),
    (status = 404, body = Problem, description = "`not_found`"),
))]
pub(super) async fn show(
    State(identity): State<Identity>,
    user: UserAuth,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<Printer>, ApiError> {
    let row = owned(identity.0.db.read(), &id, user.id().as_str()).await?;
    identity.shown_one(&user, row).await.map(Json)
}

/// Give a printer another name.
#[utoipa::path(patch, path = "/api/v1/printers/{id}", tag = "printers", params(("id" = String, Path)),
    request_body = RenamePrinter, responses(
    (status = 200, body = Printer),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
pub(super) async fn rename(
    State(identity): State<Identity>,
    user: UserAuth,
    ApiPath(id): ApiPath<String>,
    ApiJson(request): ApiJson<RenamePrinter>,
) -> Result<Json<Printer>, ApiError> {
    let name = describe::line(&request.name).ok_or_else(no_name)?;
    let (owner, around, now) = (user.id().to_string(), identity.0.around.clone(), identity.now_ms());
    let row = identity
        .0
        .db
        .write(move |tx| {
            let (around, id, owner, name) = (around.clone(), id.clone(), owner.clone(), name.clone());
            Box::pin(async move {
                around.tell(tx, &owner, &id).await?;
                rename_row(tx, id, owner, name, now).await
            })
        })
        .await?;
    identity.shown_one(&user, row).await.map(Json)
}

/// Remove a printer from the account: its tokens are void and what waits for it is cancelled.
#[utoipa::path(delete, path = "/api/v1/printers/{id}", tag = "printers", params(("id" = String, Path)), responses(
    (status = 204),
    (status = 404, body = Problem, description = "`not_found`"),
))]
pub(super) async fn unpair(
    State(identity): State<Identity>,
    user: UserAuth,
    ApiPath(id): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    let (owner, around, now) = (user.id().clone(), identity.0.around.clone(), identity.now_ms());
    let removed = identity.0.db.write(move |tx| {
        let (around, id, owner) = (around.clone(), id.clone(), owner.clone());
        Box::pin(async move { remove(tx, &around, id, owner, now).await })
    });
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A printer for whoever may send jobs to it.
#[derive(Clone, Debug)]
pub(crate) struct OwnPrinter {
    /// The printer.
    pub(crate) id: PrinterId,
    /// Name for people.
    pub(crate) name: String,
    /// Which agent spoke for it last.
    pub(crate) protocol: Protocol,
}

/// A printer of `owner`, in the transaction or by the connection that needs it.
///
/// # Errors
/// 404 when it is unknown, removed or somebody else's.
pub(crate) async fn of_owner(
    db: &impl sea_orm::ConnectionTrait,
    id: &str,
    owner: &AccountId,
) -> Result<OwnPrinter, ApiError> {
    let row = owned(db, id, owner.as_str()).await?;
    Ok(OwnPrinter {
        id: PrinterId::parse(&row.id).map_err(ApiError::internal)?,
        name: row.name,
        protocol: if row.sealpost_agent { Protocol::Sealpost } else { Protocol::Lmnt },
    })
}

/// Ids of the printers of `owner`, in order of pairing.
///
/// # Errors
/// The failure of the database.
pub(crate) async fn ids_of_owner(
    db: &impl sea_orm::ConnectionTrait,
    owner: &AccountId,
) -> Result<Vec<String>, ApiError> {
    let select = printer::Entity::find()
        .filter(printer::Column::Owner.eq(owner.as_str()))
        .filter(printer::Column::RemovedAt.is_null())
        .order_by_asc(printer::Column::CreatedAt)
        .order_by_asc(printer::Column::Id);
    Ok(select.all(db).await?.into_iter().map(|row| row.id).collect())
}

/// Unpairs all printers of an owner, in the transaction in which they leave.
///
/// # Errors
/// The failure of the database.
pub(crate) async fn unpair_all(
    identity: &Identity,
    tx: &Tx,
    owner: &AccountId,
    now: i64,
) -> Result<(), ApiError> {
    for id in ids_of_owner(tx, owner).await? {
        remove(tx, &identity.0.around, id, owner.clone(), now).await?;
    }
    Ok(())
}

async fn owned(
    db: &impl sea_orm::ConnectionTrait,
    id: &str,
    owner: &str,
) -> Result<printer::Model, ApiError> {
    let row = printer::Entity::find_by_id(id).one(db).await?;
    row.filter(|row| row.owner == owner && row.removed_at.is_none()).ok_or_else(not_found)
}

async fn insert(
    tx: &Tx,
    issuer: Issuer,
    new: printer::Model,
    now: i64,
) -> Result<(printer::Model, IssuedToken), ApiError> {
    let known = live_with_key(tx, &new.key_id).await?;
    let is_known = known.is_some();
    let row = match known {
        Some(known) if known.owner != new.owner => {
            return Err(ApiError::new(
                StatusCode::CONFLICT,
                "printer_of_another",
                "The printer belongs to another account",
            )
            .hint("Pair it by its code: then the printer itself proves that it changes hands."));
        }
        Some(known) => {
            printer::Model { id: known.id, created_at: known.created_at, active_jti: known.active_jti, ..new }
        }
        None => new,
    };
    let active = printer::ActiveModel {
        name: Set(row.name.clone()),
        description: Set(row.description.clone()),
        manufacturer: Set(row.manufacturer.clone()),
        model: Set(row.model.clone()),
        ..row.clone().into()
    };
    if is_known {
        active.update(tx).await?;
    } else {
        printer::ActiveModel::from(row.clone()).insert(tx).await?;
    }
    let issued = issuer.printer(tx, &row.id, &row.owner).await?;
    let actor = Actor::User(row.owner.clone());
    audit::record(tx, now, &actor, "printer.registered", &format!("printer:{}", row.id), json!({})).await?;
    Ok((row, issued))
}

async fn rename_row(
    tx: &Tx,
    id: String,
    owner: String,
    name: String,
    now: i64,
) -> Result<printer::Model, ApiError> {
    let row = owned(tx, &id, &owner).await?;
    printer::Entity::update_many()
        .col_expr(printer::Column::Name, Expr::value(name.as_str()))
        .filter(printer::Column::Id.eq(&id))
        .exec(tx)
        .await?;
    let actor = Actor::User(owner);
    audit::record(tx, now, &actor, "printer.renamed", &format!("printer:{id}"), json!({})).await?;
    Ok(printer::Model { name, ..row })
}

async fn remove(tx: &Tx, around: &Around, id: String, owner: AccountId, now: i64) -> Result<(), ApiError> {
    if !set_removed(tx, &id, owner.as_str(), now).await? {
        return Err(not_found());
    }
    tokens::revoke_all(tx, TokenKind::Printer, &id, None, now).await?;
    let actor = Actor::User(owner.to_string());
    audit::record(tx, now, &actor, "printer.removed", &format!("printer:{id}"), json!({})).await?;
    let printer = PrinterId::parse(&id).map_err(ApiError::internal)?;
    around.tell(tx, owner.as_str(), &id).await?;
    (around.left)(tx, &around.hub, printer, owner, now).await
}

/// Whether it was there to be removed.
async fn set_removed(tx: &Tx, id: &str, owner: &str, now: i64) -> Result<bool, DbErr> {
    let removed = printer::Entity::update_many()
        .col_expr(printer::Column::RemovedAt, Expr::value(now))
        .filter(printer::Column::Id.eq(id))
        .filter(printer::Column::Owner.eq(owner))
        .filter(printer::Column::RemovedAt.is_null())
        .exec(tx)
        .await?;
    Ok(removed.rows_affected > 0)
}

impl Identity {
    async fn shown_one(&self, user: &UserAuth, row: printer::Model) -> Result<Printer, ApiError> {
        self.views(user, vec![row]).await?.pop().ok_or_else(not_found)
    }

    /// Printers of this person, with what they are at.
    async fn views(&self, user: &UserAuth, rows: Vec<printer::Model>) -> Result<Vec<Printer>, ApiError> {
        let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
        let at = jobs::at_printers(self.0.db.read(), user, &ids).await;
        let mut at = at.map_err(Fault::into_api)?;
        let now = self.now_ms();
        let each = rows.into_iter().map(|row| {
            let AtPrinter { job, waiting } = at.remove(&row.id).unwrap_or_default();
            let seen_lately = row.last_seen_at.is_some_and(|seen| now.saturating_sub(seen) < ONLINE_MS);
            Printer {
                online: seen_lately || self.0.around.hub.is_waiting(&row.id),
                id: row.id,
                name: row.name,
                manufacturer: row.manufacturer,
                model: row.model,
                key_id: row.key_id,
                last_seen: row.last_seen_at.map(rfc3339),
                created_at: rfc3339(row.created_at),
                agent: row.agent,
                reduced: row.reduced,
                job: job.map(Box::new),
                waiting,
            }
        });
        Ok(each.collect())
    }
}

fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "There is no such printer")
        .detail("There is no such printer, or it is not yours.")
        .hint("`sealpost printers` lists yours (`GET /api/v1/printers`); pair a printer to add it.")
}

fn no_name() -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The request cannot be used")
        .detail("The printer's name is empty.")
        .hint("Give it a name of up to 80 characters.")
}
