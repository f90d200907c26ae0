//! Transactions that somebody named and that are not settled: looked for again and again, until they are, or are given up.

use std::sync::Arc;

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_market::chain::{BlockRef, PaymentEvent, Refusal, TxOutcome};
use sealpost_market::{Fact, PurchaseEvent};

use super::payments;
use super::port::{ChainPort, Heads};
use super::read::{self, Answers};
use super::settle::Desk;
use crate::fault::{Fault, Result};
use crate::schema::chain_payment::{ActiveModel, Column, Entity, Model};
use crate::state::AppState;

/// Transactions looked for in one round.
const BATCH: usize = 32;
/// Rows among which those that are due are looked for.
const LOOKED_AT: u64 = 1_024;
/// How long a transaction may be unknown before it is given up. It still counts when it comes after all.
const GIVEN_UP_MS: i64 = 3_600_000;
/// A transaction that nobody knows is looked for ever less often: after a part of the time since it was known.
const PATIENCE: i64 = 32;

/// Looks for those that are due.
pub(crate) async fn round(state: &AppState, port: &dyn ChainPort, heads: Heads) -> Result<()> {
    let now = state.clock.now_ms();
    let rows = Entity::find()
        .filter(Column::Source.eq(super::source(port.terms())))
        .filter(Column::State.eq("seen"))
        .order_by_asc(Column::CheckedAt)
        .limit(LOOKED_AT)
        .all(state.db.read())
        .await?;
    for row in rows.into_iter().filter(|row| is_due(row, now)).take(BATCH) {
        let looked = match port.transaction(row.tx()?).await {
            Ok(outcome) => look(state, port, heads, &row, outcome).await,
            Err(fault) => Err(fault.into()),
        };
        match looked {
            // Another process was faster.
            Ok(()) | Err(Fault::Conflict) => {}
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
    if !is_settled(port, heads, *block).await? {
        return Ok(());
    }
    let answers = read::ask(state, port, purchases.iter(), heads.settled).await?;
    let shared = Arc::new((state.clone(), purchases.clone(), answers));
    state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, purchases, answers): &(AppState, Vec<_>, Answers) = &shared;
                let Some(port) = &state.chain else { return Ok(()) };
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

fn is_due(row: &Model, now: i64) -> bool {
    let unknown = (now - row.heard_at).max(0);
    now - row.checked_at >= (unknown / PATIENCE).min(60_000)
}

async fn put_off(state: &AppState, id: &str) -> Result<()> {
    let (id, now) = (id.to_owned(), state.clock.now_ms());
    state
        .db
        .write(move |tx| {
            let row = ActiveModel { checked_at: Set(now), ..Default::default() };
            let update = Entity::update_many().set(row).filter(Column::Id.eq(&id));
            Box::pin(async move { update.exec(tx).await.map(drop).map_err(Fault::from) })
        })
        .await
}

async fn look(
    state: &AppState,
    port: &dyn ChainPort,
    heads: Heads,
    row: &Model,
    outcome: TxOutcome,
) -> Result<()> {
    let settled = match outcome.block() {
        Some(block) => is_settled(port, heads, block).await?,
        None => false,
    };
    if settled {
        settle(state, port, heads, &outcome).await?;
    }
    let shared = Arc::new((state.clone(), row.id.clone(), outcome));
    state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, id, outcome) = &*shared;
                let Some(port) = &state.chain else { return Ok(()) };
                let desk = Desk::new(state, tx, port.terms());
                let row = Entity::find_by_id(id).one(tx).await?;
                match row.filter(|row| row.state == "seen") {
                    Some(row) => note(&desk, row, outcome, settled).await,
                    // It is settled, by this look or by another.
                    None => Ok(()),
                }
            })
        })
        .await
}

async fn note(desk: &Desk<'_>, mut row: Model, outcome: &TxOutcome, settled: bool) -> Result<()> {
    let now = desk.state.clock.now_ms();
    row.checked_at = now;
    match outcome {
        TxOutcome::Unknown => {
            row.forget_block();
            if now - row.heard_at >= GIVEN_UP_MS {
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
                let item = row.item.take();
                row.note(paid);
                // Which version it is becomes certain when it settles.
                row.item = item;
            }
        }
    }
    row.save(desk.tx).await.map(drop)
}

async fn give_up(desk: &Desk<'_>, mut row: Model) -> Result<()> {
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

/// Names the payment anew: it is looked for again.
pub(crate) fn seen_again(row: &mut Model, now: i64) -> Result<bool> {
    let changed = row.step(PaymentEvent::See)?;
    if changed {
        (row.heard_at, row.checked_at) = (now, now);
        // What is wrong is found out anew.
        row.note_reason(None);
    }
    Ok(changed)
}
