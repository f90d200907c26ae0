//! Buying: from a request to a licence, in one transaction.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, SqlErr};
use sealpost_accounts::Actor;
use sealpost_api::Problem;
use sealpost_api::catalogue::Price;
use sealpost_api::purchase::{Payment, Purchase, PurchaseResponse};
use sealpost_database::Tx;
use sealpost_database::clock::rfc3339;
use sealpost_market::{
    self as market, AccountId, LicenceId, ListingKind, NewPurchase, PaymentMethod, PurchaseId,
    PurchaseTransition, Version, VoucherCode, start_purchase,
};

use super::{licence_to_api, tell};
use crate::catalogue::vouchers::code_hash;
use crate::fault::{Fault, Result};
use crate::operate::fees;
use crate::plugins::device_to_api;
use crate::plugins::give::{self, Given, offered};
use crate::sales::names_of;
use crate::schema::device::Wanted;
use crate::schema::value::{stored, to_timestamp};
use crate::schema::{device, licence, listing, purchase, release, voucher};
use crate::state::AppState;
use crate::{checkout, facts, happenings, limits, random};

/// Who buys what, and how.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) buyer: AccountId,
    pub(crate) listing: String,
    pub(crate) method: PaymentMethod,
    /// For plugins, the device to begin with.
    pub(crate) device: Option<Wanted>,
    /// For the audit log.
    pub(crate) actor: Actor,
    pub(crate) purchase: PurchaseId,
    /// Whether the purchase's id was chosen so that of two that are begun at the same time one fails, and tries again.
    pub(crate) at_once: bool,
    /// For plugins, the version that the device is given; the newest where absent.
    pub(crate) version: Option<Version>,
    /// Who says when an external payment came.
    pub(crate) source: Option<String>,
    /// What the buyer writes to the seller.
    pub(crate) note: Option<String>,
    seller_name: Option<String>,
    buyer_name: Option<String>,
    voucher: Option<String>,
    licence: LicenceId,
}

/// What came of an order.
#[derive(Debug)]
pub(crate) struct Sold {
    pub(crate) listing: listing::Model,
    pub(crate) device: Option<device::Model>,
    pub(crate) given: Option<Given>,
    purchase: purchase::Model,
    licence: Option<market::Licence>,
}

impl Order {
    /// Reads a request; asks the payments how it is paid.
    pub(crate) async fn new(
        state: &AppState,
        buyer: &AccountId,
        listing: &listing::Model,
        payment: &Payment,
    ) -> Result<Self> {
        let method = state.payments.method(&listing.id, payment).await.map_err(|refused| {
            Problem::new(422, "payment_refused", "This way of paying is not taken")
                .detail(refused.to_string())
                .hint("Choose another way of paying.")
        })?;
        let voucher = match payment {
            Payment::Voucher { code } => {
                let code = VoucherCode::parse(code).map_err(|error| limits::invalid("code", error))?;
                Some(code_hash(&code))
            }
            _ => None,
        };
        // Not in the transaction: many buy at the same time, and one after the other.
        let mut names = names_of(state, [buyer.as_str(), listing.publisher.as_str()]).await?;
        Ok(Self {
            buyer: buyer.clone(),
            listing: listing.id.clone(),
            seller_name: names.get(&listing.publisher).cloned(),
            buyer_name: names.remove(buyer.as_str()),
            method,
            device: None,
            actor: Actor::User(buyer.to_string()),
            voucher,
            at_once: false,
            version: None,
            source: None,
            note: None,
            purchase: PurchaseId::generate(&random::bytes()?),
            licence: LicenceId::generate(&random::bytes()?),
        })
    }
}

/// Writes a purchase and, when it is paid at once, its licence and what its device is given.
pub(crate) async fn place(state: &AppState, tx: &Tx, order: &Order) -> Result<PurchaseResponse> {
    let sold = write(state, tx, order).await?;
    let devices = sold.device.as_slice();
    let mut answer = to_response(&sold.listing, &sold.purchase, sold.licence.as_ref(), devices)?;
    if let Some(given) = sold.given {
        (answer.envelope, answer.cid) = (Some(given.envelope), given.release.cid);
    }
    answer.payment_url = checkout::url_of(tx, &sold.purchase).await?;
    Ok(answer)
}

/// As [`place`], for those who need the parts.
pub(crate) async fn write(state: &AppState, tx: &Tx, order: &Order) -> Result<Sold> {
    let now = state.clock.now_ms();
    // In one statement: on SQLite each one is a way to another thread and back.
    let (row, releases) = offered(tx, &order.listing).await?;
    let releases = give::for_sale(&row, releases);
    let listing = row.to_market()?;
    let is_plugin = listing.kind == ListingKind::Plugin;
    let version = if listing.terms.free_updates && !is_plugin { None } else { newest_version(&releases)? };
    let voucher = match &order.voucher {
        Some(hash) => Some(find_voucher(tx, hash).await?),
        None => None,
    };
    // "Once for each person" means nothing to wallets: whoever makes keys would use all of it.
    if order.actor == Actor::Anonymous && voucher.as_ref().is_some_and(|voucher| voucher.uses_left > 1) {
        return Err(voucher_needs_account());
    }
    let new = NewPurchase {
        id: order.purchase.clone(),
        licence: order.licence.clone(),
        buyer: order.buyer.clone(),
        method: order.method,
        voucher: voucher.as_ref().map(voucher::Model::to_market).transpose()?,
        version,
        publisher_key: row.publisher_key.clone(),
        device: order.device.as_ref().map(|wanted| wanted.device.clone()),
    };
    let mut step = start_purchase(&listing, new, to_timestamp(now))?;
    if let (Some(before), Some(after)) = (&voucher, &step.voucher) {
        use_voucher(tx, before, after).await?;
    }
    let purchase = insert(state, tx, &step, order, &row.title, now).await?;
    let (mut device, mut given) = (None, None);
    if let (Some(licence), Some(wanted)) = (&step.licence, &order.device) {
        let first = device::Model::new(wanted, licence.id.as_str(), now);
        let release = give::first(licence, &releases, order.version.as_ref())?;
        let (licence, facts, wrapped) = give::wrap(state, tx, licence.clone(), &row, &first, release).await?;
        tx.insert_later(first.clone().into_active_model());
        step.facts.extend(facts);
        (step.licence, device, given) = (Some(licence), Some(first), Some(wrapped));
    }
    if let Some(granted) = &step.licence {
        let row = licence::Model::from_market(granted, &purchase.id, now);
        tx.insert_later(row.into_active_model());
    }
    facts::record(tx, now, &order.actor, &format!("purchase:{}", purchase.id), &step.facts)?;
    happenings::of_sale(tx, now, &row, &purchase, &step.facts)?;
    tell::sold(state, tx, &row, &purchase);
    Ok(Sold { listing: row, device, given, purchase, licence: step.licence })
}

pub(crate) fn to_response(
    listing: &listing::Model,
    purchase: &purchase::Model,
    licence: Option<&market::Licence>,
    devices: &[device::Model],
) -> Result<PurchaseResponse> {
    let first = purchase.wanted()?.map(|wanted| wanted.device.id);
    let first = first.and_then(|id| devices.iter().find(|device| device.id == id.as_str()));
    Ok(PurchaseResponse {
        purchase: Purchase { title: listing.title.clone(), ..to_api(purchase) },
        licence: licence.map(|licence| {
            let row = licence::Model::from_market(licence, &purchase.id, purchase.created_at);
            licence_to_api(&row, Some(listing), devices)
        }),
        device: first.map(device_to_api),
        ..PurchaseResponse::default()
    })
}

pub(crate) fn to_api(row: &purchase::Model) -> Purchase {
    let price = row.price_amount.clone().zip(row.price_currency.clone());
    Purchase {
        id: row.id.clone(),
        listing: row.listing.clone(),
        method: row.method.clone(),
        state: row.state.clone(),
        kind: row.kind.clone(),
        title: String::new(),
        price: price.map(|(amount, currency)| Price { amount, currency }),
        licence: row.licence.clone(),
        note: row.note.clone(),
        answer: row.answer.clone(),
        created_at: rfc3339(row.created_at),
    }
}

async fn insert(
    state: &AppState,
    tx: &Tx,
    step: &PurchaseTransition,
    order: &Order,
    title: &str,
    now: i64,
) -> Result<purchase::Model> {
    let row = purchase::Model {
        title: Some(title.to_owned()),
        seller_name: order.seller_name.clone(),
        buyer_name: order.buyer_name.clone(),
        payment_source: order.source.clone(),
        note: order.note.clone(),
        fee_basis_points: fees::now(state, step.purchase.method, &step.purchase.price),
        ..purchase::Model::from_market(&step.purchase, order.device.as_ref(), order.voucher.clone(), now)?
    };
    if row.voucher.is_none() && !order.at_once {
        tx.insert_later(row.clone().into_active_model());
        return Ok(row);
    }
    let inserted = purchase::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await;
    match inserted.as_ref().map_err(DbErr::sql_err) {
        Err(Some(SqlErr::UniqueConstraintViolation(which))) if which.contains("voucher") => {
            Err(Problem::new(409, "voucher_used_by_you", "You used this voucher before")
                .detail("A voucher works once for each person.")
                .hint("Look at your licences, or ask whoever gave it to you for another.")
                .into())
        }
        // The same holder buys the same plugin at the same moment.
        Err(Some(SqlErr::UniqueConstraintViolation(_))) => Err(Fault::Conflict),
        _ => {
            inserted?;
            Ok(row)
        }
    }
}

fn voucher_needs_account() -> Fault {
    Problem::new(403, "voucher_needs_account", "This voucher is for people who are signed in")
        .detail("It can be used several times, once for each person.")
        .hint("Sign in, or ask the seller for a voucher of one use.")
        .into()
}

async fn find_voucher(tx: &Tx, hash: &str) -> Result<voucher::Model> {
    let row = voucher::Entity::find_by_id(hash).one(tx).await?;
    row.ok_or_else(|| {
        Problem::new(404, "voucher_unknown", "There is no such voucher")
            .hint("Check the code for a typing error.")
            .into()
    })
}

async fn use_voucher(tx: &Tx, before: &voucher::Model, after: &market::Voucher) -> Result<()> {
    let change = voucher::ActiveModel { uses_left: Set(stored(after.uses_left)), ..Default::default() };
    let saved = voucher::Entity::update_many()
        .set(change)
        .filter(voucher::Column::Id.eq(&before.id))
        .filter(voucher::Column::UsesLeft.eq(before.uses_left))
        .exec(tx)
        .await?;
    if saved.rows_affected == 1 { Ok(()) } else { Err(Fault::Conflict) }
}

fn newest_version(releases: &[release::Model]) -> Result<Option<Version>> {
    let releases = releases.iter().map(release::Model::to_market).collect::<Result<Vec<_>>>()?;
    Ok(market::pick_release(&releases, None, None).ok().map(|release| release.version.clone()))
}
