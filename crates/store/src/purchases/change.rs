//! One event on one purchase: decided by the rules, saved by compare-and-set, with the licence and device that come of it.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};
use sealpost_accounts::Actor;
use sealpost_database::Tx;
use sealpost_market::{self as market, PurchaseEvent, PurchaseState};

use super::{find_licence, tell};
use crate::fault::{Fault, Result};
use crate::schema::value::to_timestamp;
use crate::schema::{device, licence, purchase};
use crate::state::AppState;
use crate::{facts, happenings, jobs, reviews};

/// A purchase after an event.
#[derive(Debug)]
pub(crate) struct Changed {
    pub(crate) purchase: purchase::Model,
    pub(crate) licence: Option<market::Licence>,
}

/// Applies an event to a purchase after `edit`, and saves what comes of it. What was given back or undone gives no key: its
/// waiting jobs are cancelled, so that they hold up nobody's queue.
pub(crate) async fn apply(
    state: &AppState,
    tx: &Tx,
    actor: &Actor,
    row: &purchase::Model,
    event: PurchaseEvent,
    edit: impl FnOnce(&mut market::Purchase) + Send,
) -> Result<Changed> {
    let now = state.clock.now_ms();
    let held = licence_of(tx, row).await?;
    let before = held.as_ref().map(licence::Model::to_market).transpose()?;
    let mut rules = row.to_market()?;
    edit(&mut rules);
    let step = rules.apply(before, event, to_timestamp(now))?;
    let wanted = row.wanted()?;
    let after = purchase::Model {
        created_at: row.created_at,
        row_version: row.row_version + 1,
        paid_at: row.paid_at.or((step.purchase.state == PurchaseState::Paid).then_some(now)),
        refunded_at: (step.purchase.state == PurchaseState::Refunded).then(|| row.refunded_at.unwrap_or(now)),
        fee_basis_points: row.fee_basis_points,
        payment_source: row.payment_source.clone(),
        payment_reference: row.payment_reference.clone(),
        title: row.title.clone(),
        seller_name: row.seller_name.clone(),
        buyer_name: row.buyer_name.clone(),
        note: row.note.clone(),
        answer: row.answer.clone(),
        ..purchase::Model::from_market(&step.purchase, wanted.as_ref(), row.voucher.clone(), now)?
    };
    save(tx, row, &after).await?;
    match (&held, &step.licence) {
        (Some(held), Some(licence)) => held.save(tx, licence).await?,
        (None, Some(licence)) => {
            let row = licence::Model::from_market(licence, &row.id, now);
            licence::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
            if let Some(wanted) = &wanted {
                let device = device::Model::new(wanted, licence.id.as_str(), now);
                device::Entity::insert(device.into_active_model()).exec_without_returning(tx).await?;
            }
        }
        _ => {}
    }
    facts::record(tx, now, actor, &format!("purchase:{}", row.id), &step.facts)?;
    happenings::of_purchase(tx, now, &after, &step.facts).await?;
    if row.state != after.state {
        reviews::payment_changed(state, tx, &row.listing, &row.buyer).await?;
        tell::changed(state, tx, &after).await?;
    }
    let mut licence = step.licence;
    if matches!(after.state.as_str(), "refunded" | "undone")
        && let Some(held) = &held
    {
        jobs::cancel_waiting(&state.hub, tx, &held.id, actor, now).await?;
        licence = Some(find_licence(tx, &held.id).await?.to_market()?);
    }
    Ok(Changed { purchase: after, licence })
}

/// The licence of a purchase, once there is one.
pub(crate) async fn licence_of(
    db: &impl ConnectionTrait,
    row: &purchase::Model,
) -> Result<Option<licence::Model>> {
    match &row.licence {
        Some(id) => find_licence(db, id).await.map(Some),
        None => Ok(None),
    }
}

async fn save(tx: &Tx, before: &purchase::Model, after: &purchase::Model) -> Result<()> {
    let change = purchase::ActiveModel {
        state: Set(after.state.clone()),
        licence: Set(after.licence.clone()),
        price_amount: Set(after.price_amount.clone()),
        price_currency: Set(after.price_currency.clone()),
        version: Set(after.version.clone()),
        paid_at: Set(after.paid_at),
        refunded_at: Set(after.refunded_at),
        fee_basis_points: Set(after.fee_basis_points),
        publisher_key: Set(after.publisher_key.clone()),
        answer: Set(after.answer.clone()),
        row_version: Set(after.row_version),
        ..Default::default()
    };
    let saved = purchase::Entity::update_many()
        .set(change)
        .filter(purchase::Column::Id.eq(&before.id))
        .filter(purchase::Column::RowVersion.eq(before.row_version))
        .exec(tx)
        .await?;
    if saved.rows_affected == 1 { Ok(()) } else { Err(Fault::Conflict) }
}
