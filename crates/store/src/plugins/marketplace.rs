//! `POST /api/marketplace/purchase`: buying by wallet, with or without an account.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use http::{HeaderMap, StatusCode, header};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use sealpost_accounts::extract::ClientAddress;
use sealpost_accounts::{Actor, ApiError, UserAuth};
use sealpost_api::Problem;
use sealpost_api::marketplace::{MarketplacePurchase, MarketplacePurchased, PluginBundle};
use sealpost_api::purchase::{Payment, Recipient};
use sealpost_database::Tx;
use sealpost_market::{PaymentMethod, RuleError, Version};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{bundle, devices, on_chain, recipient, stranger};
use crate::catalogue::find_listing;
use crate::chain::payments;
use crate::fault::{Fault, Result};
use crate::http::body::Body;
use crate::http::once::{Answer, Once, once};
use crate::limits;
use crate::purchases::buy::{self, Order};
use crate::schema::device::Wanted;
use crate::schema::value::to_timestamp;
use crate::schema::{device, licence, purchase};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(place))
}

/// Buy a plugin for a wallet. Without sign-in the wallet is the holder; the same key is given the same licence again. With a
/// transaction that paid for the key, its envelope is given once the payment is settled.
#[utoipa::path(post, path = "/api/marketplace/purchase", tag = "buy", request_body = MarketplacePurchase, responses(
    (status = 200, body = MarketplacePurchased),
    (status = 402, body = Problem, description = "`not_free`, `release_not_covered`"),
    (status = 403, body = Problem, description = "`licence_inactive`, `voucher_needs_account`, `key_not_proved`, `payment_undone`, `payment_refunded`"),
    (status = 404, body = Problem, description = "`not_found`, `no_release`, `voucher_unknown`"),
    (status = 409, body = Problem, description = "`payment_pending` with `Retry-After`, `payment_used`"),
    (status = 410, body = Problem, description = "`voucher_used_up`, `voucher_expired`, `listing_not_for_sale`, `release_yanked`"),
    (status = 422, body = Problem, description = "`envelope_public_key`, `envelope_unknown_curve`, `no_devices`, and why a transaction does not pay, as for `POST /api/v1/purchases`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
    (status = 501, body = Problem, description = "`chain_not_configured`"),
    (status = 503, body = Problem, description = "`chain_unreachable`, `chain_disagreement`, `chain_wrong`"),
))]
async fn place(
    State(state): State<AppState>,
    user: Result<UserAuth, ApiError>,
    from: ClientAddress,
    headers: HeaderMap,
    Body(new): Body<MarketplacePurchase>,
) -> Result<Answer> {
    if new.tx_hash.is_some() && state.chain.is_none() {
        return Err(no_chain());
    }
    let wanted = recipient::read(&Recipient {
        curve: new.curve.clone().unwrap_or_else(|| "secp256k1".to_owned()),
        public_key: new.buyer_pubkey.clone(),
        index: new.index,
        name: new.name.clone(),
    })?;
    let version = new.version.as_deref().map(str::parse::<Version>).transpose();
    let version = version.map_err(|error| limits::invalid("version", error))?;
    let user = match user {
        Ok(user) => Some(user),
        // With a header of any kind somebody meant to be signed in.
        Err(error) if error.code() == "sign_in_required" && !headers.contains_key(header::AUTHORIZATION) => {
            state.strangers.attempt(from, state.clock.now_ms())?;
            None
        }
        Err(error) => return Err(error.into()),
    };
    let (holder, actor) = match &user {
        Some(user) => (user.id().clone(), user.actor()),
        None => (stranger::holder(&wanted.device.key)?, Actor::Anonymous),
    };
    let request = Once::new(&headers, holder.as_str(), "marketplace/purchase", &new)?;
    // A wallet is given the same again without it, and strangers fill no table with answers.
    let request = if actor == Actor::Anonymous { request.unkept() } else { request };
    let listing = find_listing(state.db.read(), &new.plugin_id).await?;
    if let Some(tx_hash) = &new.tx_hash {
        let sale = on_chain::Sale { user, actor, listing, wanted, version, from };
        return on_chain::collect(&state, request, sale, tx_hash).await;
    }
    let payment = match new.voucher {
        Some(code) => Payment::Voucher { code },
        None => Payment::Free,
    };
    let mut order = Order::new(&state, &holder, &listing, &payment).await?;
    (order.device, order.actor, order.version) = (Some(wanted.clone()), actor, version);
    order.at_once = true;
    // Vouchers are counted by whoever made them.
    let counts = order.actor == Actor::Anonymous && order.method == PaymentMethod::Free;
    let counted = Arc::new(Counted { from: counts.then_some(from), done: AtomicBool::new(false) });
    let shared = Arc::new((state.clone(), order, wanted, counted.clone()));
    let answer = once(&state, request, StatusCode::OK, move |tx| {
        let shared = shared.clone();
        Box::pin(async move {
            let (state, order, wanted, counted) = &*shared;
            buy_or_find(state, tx, order, wanted, counted).await
        })
    })
    .await;
    if answer.is_err() {
        counted.undo(&state);
    }
    answer
}

/// A new licence of a stranger, counted once however often its transaction is tried.
struct Counted {
    from: Option<ClientAddress>,
    done: AtomicBool,
}

impl Counted {
    fn count(&self, state: &AppState) -> Result<()> {
        match self.from {
            Some(from) if !self.done.load(Ordering::Relaxed) => {
                state.strangers.purchase(from, state.clock.now_ms())?;
                self.done.store(true, Ordering::Relaxed);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn undo(&self, state: &AppState) {
        if let Some(from) = self.from.filter(|_| self.done.swap(false, Ordering::Relaxed)) {
            state.strangers.refund(from);
        }
    }
}

async fn buy_or_find(
    state: &AppState,
    tx: &Tx,
    order: &Order,
    wanted: &Wanted,
    counted: &Counted,
) -> Result<MarketplacePurchased> {
    let mut order = order.clone();
    if order.actor == Actor::Anonymous {
        // What is bought for a key is its holder's, and somebody may have proved it a moment ago.
        order.buyer = payments::holder_of(tx, &wanted.device.key).await?;
    }
    // Counted before the look: a purchase in between is either seen or has the same id.
    let before = purchase::Entity::find()
        .filter(purchase::Column::Buyer.eq(order.buyer.as_str()))
        .filter(purchase::Column::Listing.eq(&order.listing))
        .all(tx)
        .await?;
    order.purchase = stranger::purchase(&order.buyer, &order.listing, before.len())?;
    if let Some(held) = held_by_key(state, tx, &order, wanted).await? {
        counted.undo(state);
        let (device, given) =
            devices::register(state, tx, &held, wanted, order.version.as_ref(), &order.actor).await?;
        let listing = find_listing(tx, &held.listing).await?;
        return to_api(bundle::to_api(&listing, &device, &given)?, given.release.cid);
    }
    check_written(tx, &before).await?;
    counted.count(state)?;
    let sold = buy::write(state, tx, &order).await?;
    match (sold.device, sold.given) {
        (Some(device), Some(given)) => {
            to_api(bundle::to_api(&sold.listing, &device, &given)?, given.release.cid)
        }
        _ => Err(Fault::internal("a purchase that is paid at once gave nothing")),
    }
}

/// Licences of purchases in the same group of writes are inserted at its end: whoever does not see them tries again after it.
async fn check_written(db: &impl ConnectionTrait, purchases: &[purchase::Model]) -> Result<()> {
    let licences: Vec<_> = purchases.iter().filter_map(|row| row.licence.as_deref()).collect();
    if licences.is_empty() {
        return Ok(());
    }
    let written = licence::Entity::find().filter(licence::Column::Id.is_in(licences.iter().copied()));
    if written.count(db).await? == licences.len() as u64 { Ok(()) } else { Err(Fault::Conflict) }
}

/// The licence that this holder has for this key, if any that lasts.
async fn held_by_key(
    state: &AppState,
    db: &impl ConnectionTrait,
    order: &Order,
    wanted: &Wanted,
) -> Result<Option<licence::Model>> {
    let now = to_timestamp(state.clock.now_ms());
    let mut inactive = None;
    for held in with_key(db, order, wanted).await? {
        match held.to_market()?.check_active(now) {
            Ok(()) => return Ok(Some(held)),
            Err(RuleError::LicenceExpired) => {}
            // Whoever pays anew is sold to anew.
            Err(_) if order.method != PaymentMethod::Free => {}
            Err(other) => inactive = Some(other),
        }
    }
    inactive.map_or(Ok(None), |refused| Err(refused.into()))
}

async fn with_key(db: &impl ConnectionTrait, order: &Order, wanted: &Wanted) -> Result<Vec<licence::Model>> {
    let held = licence::Entity::find()
        .filter(licence::Column::Holder.eq(order.buyer.as_str()))
        .filter(licence::Column::Listing.eq(&order.listing))
        .order_by_desc(licence::Column::CreatedAt)
        .all(db)
        .await?;
    if held.is_empty() {
        return Ok(held);
    }
    let devices = device::Entity::find()
        .filter(device::Column::Licence.is_in(held.iter().map(|row| row.id.as_str())))
        .filter(device::Column::Curve.eq(&wanted.device.key.curve))
        .filter(device::Column::PublicKey.eq(&wanted.device.key.public_key))
        .all(db)
        .await?;
    let counts = |row: &licence::Model| devices.iter().any(|device| device.licence == row.id);
    Ok(held.into_iter().filter(counts).collect())
}

/// A bundle, as the document names its parts.
pub(super) fn to_api(bundle: PluginBundle, cid: Option<String>) -> Result<MarketplacePurchased> {
    let envelope = bundle.buyer_wrapped_keys.first().cloned();
    Ok(MarketplacePurchased {
        envelope: envelope.ok_or_else(|| Fault::internal("a bundle without an envelope"))?,
        cid,
        licence: bundle.licence.clone(),
        device: bundle.device.clone(),
        version: bundle.version.clone(),
        manifest: bundle.manifest.clone(),
        wasm_hash: bundle.wasm_hash.clone(),
        blob_url: bundle.blob_url.clone(),
        publisher: bundle.publisher.clone(),
        signature: bundle.signature.clone(),
        bundle,
    })
}

fn no_chain() -> Fault {
    Problem::new(501, "chain_not_configured", "This store is connected to no chain")
        .detail("It cannot look at the transaction.")
        .hint("Buy without `txHash`: plugins that cost nothing as they are, others with a voucher.")
        .into()
}
