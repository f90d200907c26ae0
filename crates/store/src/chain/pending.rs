//! Transactions that somebody named and that are not settled: looked for again and again, until they are, or are given up.

use std::sync::Arc;

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_market::chain::{BlockRef, ChainPurchase, PaymentEvent, PaymentState, Refusal, TxOutcome};
use sealpost_market::{Fact, PurchaseEvent};

use super::pace::Pace;
use super::payments;
use super::port::{ChainPort, Heads};
use super::read::{self, Answers};
use super::settle::Desk;
use crate::fault::{Fault, Result};
use crate::schema::chain_payment::{ActiveModel, Column, Entity, Model};
use crate::schema::purchase;
use crate::state::AppState;

/// Transactions looked for in one round.
const BATCH: u64 = 32;
/// How long a transaction may be unknown before it is given up. It still counts when it comes after all.
const GIVEN_UP_MS: i64 = 3_600_000;
/// A transaction that nobody knows is looked for ever less often: after a part of the time since it was known.
const PATIENCE: i64 = 32;
/// One that was mined once is looked for at least so often.
const UNDONE_MS: i64 = 3_600_000;
/// Looks that failed are repeated after so long.
const FAILED_MS: i64 = 5_000;
/// How long what was given up is kept, for its buyer to see. It is bought again when its transaction comes even later.
const KEPT_MS: i64 = 7 * 86_400_000;

/// Looks for those that are due.
pub(crate) async fn round(state: &AppState, port: &dyn ChainPort, heads: Heads) -> Result<()> {
    let now = state.clock.now_ms();
    let rows = Entity::find()
        .filter(Column::Source.eq(super::source(port.terms())))
        .filter(Column::State.is_in(["seen", "undone", "dropped"]))
        .filter(Column::LookAt.lte(now))
        .order_by_asc(Column::LookAt)
        .limit(BATCH)
        .all(state.db.read())
        .await?;
    for row in rows {
        let mut looked = look(state, port, heads, &row).await;
        if looked.as_ref().is_err_and(read::is_overtaken) {
            looked = look(state, port, heads, &row).await;
        }
        match looked {
            Ok(()) => {}
            // Another process was faster.
            Err(fault) if read::is_overtaken(&fault) => {}
            // Endpoints may not agree about one transaction for long; the others do not wait for it.
            Err(Fault::Accounts(error)) => {
                tracing::debug!(tx = row.tx_hash, problem = %error.problem(), "a transaction cannot be looked for");
                put_off(state, &row.id).await?;
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

/// Settles a transaction that is mined in a settled block: all its payments, in one transaction.
pub(crate) async fn settle(
    state: &AppState,
    port: &dyn ChainPort,
    heads: Heads,
    outcome: &TxOutcome,
) -> Result<()> {
    let TxOutcome::Mined { block, purchases } = outcome else { return Ok(()) };
    let step = read::step(state, port).await?;
    if !is_settled(port, heads, *block).await? {
        return Ok(());
    }
    let answers = read::ask(state, port, purchases.iter(), heads.settled, Pace::default()).await?;
    let shared = Arc::new((state.clone(), purchases.clone(), answers, step));
    state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, purchases, answers, step): &(AppState, Vec<_>, Answers, _) = &shared;
                let Some(port) = &state.chain else { return Ok(()) };
                read::check_step(tx, &super::source(port.terms()), *step).await?;
                let mut desk = Desk::new(state, tx, port.terms());
                for paid in purchases {
                    desk.purchased(paid, answers.of(paid)).await?;
                }
                Ok(())
            })
        })
        .await
}

/// Whether a block is at or below the settled one, and of the chain.
pub(crate) async fn is_settled(port: &dyn ChainPort, heads: Heads, block: BlockRef) -> Result<bool> {
    Ok(block.number <= heads.settled.number && port.block(block.number).await? == Some(block.hash))
}

/// When to look next: soon for what was known lately, and ever later for what nobody knows.
fn next_look(row: &Model, now: i64) -> i64 {
    let unknown = (now - row.heard_at).max(0);
    now + (unknown / PATIENCE).min(UNDONE_MS)
}

async fn put_off(state: &AppState, id: &str) -> Result<()> {
    let (id, now) = (id.to_owned(), state.clock.now_ms());
    state
        .db
        .write(move |tx| {
            let row = ActiveModel { look_at: Set(now + FAILED_MS), ..Default::default() };
            let update = Entity::update_many().set(row).filter(Column::Id.eq(&id));
            Box::pin(async move { update.exec(tx).await.map(drop).map_err(Fault::from) })
        })
        .await
}

async fn look(state: &AppState, port: &dyn ChainPort, heads: Heads, row: &Model) -> Result<()> {
    let step = read::step(state, port).await?;
    let outcome = port.transaction(row.tx()?).await?;
    let settled = match outcome.block() {
        Some(block) => is_settled(port, heads, block).await?,
        None => false,
    };
    if settled {
        settle(state, port, heads, &outcome).await?;
    }
    // What was settled just now is not noted again; what is noted here is of the step that it was asked in.
    let shared = Arc::new((state.clone(), row.clone(), outcome, step));
    state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, seen, outcome, step) = &*shared;
                let Some(port) = &state.chain else { return Ok(()) };
                let row = Entity::find_by_id(&seen.id).one(tx).await?;
                // It is settled, by this look or by another.
                let Some(row) = row.filter(|row| row.state == seen.state) else { return Ok(()) };
                if settled {
                    read::check_step(tx, &super::source(port.terms()), *step).await?;
                }
                note(&Desk::new(state, tx, port.terms()), row, outcome, settled).await
            })
        })
        .await
}

async fn note(desk: &Desk<'_>, mut row: Model, outcome: &TxOutcome, settled: bool) -> Result<()> {
    let now = desk.state.clock.now_ms();
    match outcome {
        TxOutcome::Unknown if row.state == "dropped" => return forget(desk, row).await,
        TxOutcome::Unknown => {
            row.forget_block();
            if row.state == "seen" && now - row.heard_at >= GIVEN_UP_MS {
                return give_up(desk, row).await;
            }
        }
        TxOutcome::Waiting => {
            row.heard_at = now;
            row.forget_block();
        }
        TxOutcome::Reverted { block } => {
            row.heard_at = now;
            stand_in(&mut row, *block);
            if settled {
                return desk.refuse(row, &Refusal::Reverted).await.map(drop);
            }
        }
        TxOutcome::Mined { block, purchases } => {
            row.heard_at = now;
            stand_in(&mut row, *block);
            let named = row.listing.clone().unwrap_or_default();
            let mut of_listing = Vec::new();
            for paid in purchases {
                let release = payments::release_of(desk.tx, paid.item).await?;
                if release.is_some_and(|release| release.listing == named) {
                    of_listing.push(paid);
                }
            }
            let key = row.key()?;
            let mine = of_listing.iter().find(|paid| Some(&paid.buyer_key) == key.as_ref());
            if settled {
                // Its own payment would have settled it.
                let refusal = if purchases.is_empty() {
                    Refusal::WrongContract
                } else if of_listing.is_empty() {
                    Refusal::WrongListing
                } else {
                    Refusal::WrongKey
                };
                return desk.refuse(row, &refusal).await.map(drop);
            }
            if let Some(paid) = mine {
                show(&mut row, paid);
            }
        }
    }
    if row.state == "undone" {
        // It is in no block that counts.
        row.forget_block();
    }
    // What was given up and is known after all is waited for again.
    row.step(PaymentEvent::See)?;
    row.look_at = next_look(&row, now);
    row.save(desk.tx).await.map(drop)
}

/// Nobody has heard of it for days: its row goes, and the order that nothing was paid for.
async fn forget(desk: &Desk<'_>, row: Model) -> Result<()> {
    if let Some(purchase) = desk.purchase_of(&row).await? {
        if purchase.licence.is_some() || purchase.state != "failed" {
            return put_by(desk, row).await;
        }
        purchase::Entity::delete_by_id(purchase.id).exec(desk.tx).await?;
    }
    let gone = Entity::delete_many()
        .filter(Column::Id.eq(&row.id))
        .filter(Column::RowVersion.eq(row.row_version))
        .exec(desk.tx)
        .await?;
    if gone.rows_affected == 1 { Ok(()) } else { Err(Fault::Conflict) }
}

/// It is kept, for longer.
async fn put_by(desk: &Desk<'_>, mut row: Model) -> Result<()> {
    row.look_at = desk.state.clock.now_ms() + KEPT_MS;
    row.save(desk.tx).await.map(drop)
}

async fn give_up(desk: &Desk<'_>, mut row: Model) -> Result<()> {
    row.look_at = desk.state.clock.now_ms() + KEPT_MS;
    if row.step(PaymentEvent::Drop)? {
        desk.record(&row, &[Fact::PaymentDropped { tx: row.tx()? }])?;
        if let Some(purchase) = desk.purchase_of(&row).await?
            && purchase.licence.is_none()
            && purchase.state == "pending"
        {
            desk.change(&purchase, PurchaseEvent::Failed).await?;
        }
    }
    row.save(desk.tx).await.map(drop)
}

fn stand_in(row: &mut Model, block: BlockRef) {
    row.block_number = Some(read::signed(block.number));
    row.block_hash = Some(block.hash.to_string());
}

/// Writes down what the chain shows of a payment that is not settled; whether that is news.
pub(crate) fn show(row: &mut Model, paid: &ChainPurchase) -> bool {
    if row.state != "seen" {
        return false;
    }
    let before = row.clone();
    row.note(paid);
    // Which version it is becomes certain when it settles.
    row.item.clone_from(&before.item);
    *row != before
}

/// A payment that gave nothing is waited for as one that is named for the first time.
pub(crate) fn wait_anew(row: &mut Model, now: i64) {
    PaymentState::Seen.as_str().clone_into(&mut row.state);
    row.heard_at = now;
    row.forget_block();
    row.note_reason(None);
}

/// Names the payment anew: it is looked for again.
pub(crate) fn seen_again(row: &mut Model, now: i64) -> Result<bool> {
    let changed = row.step(PaymentEvent::See)?;
    if changed {
        (row.heard_at, row.look_at) = (now, now);
        // What is wrong is found out anew.
        row.note_reason(None);
    }
    Ok(changed)
}
