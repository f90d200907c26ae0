//! When a chain takes blocks back: what was paid in them is undone until it is mined again.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use sealpost_database::Tx;
use sealpost_market::chain::{ChainEvent, ChainHash, TxOutcome};

use super::port::{ChainFault, ChainPort};
use super::read::{self, Moved, is_among, save, signed};
use super::settle::Desk;
use crate::fault::Result;
use crate::schema::value::parsed;
use crate::schema::{chain_checkpoint, chain_cursor, chain_payment};
use crate::state::AppState;

/// Payments whose block matters.
pub(super) const MINED: [&str; 3] = ["settled", "refused", "refunded"];

/// Whether the chain is still the one that was read up to the cursor. If not, the cursor goes back to where they part, and what
/// was paid since then and is gone is undone.
pub(crate) async fn check(
    state: &AppState,
    port: &dyn ChainPort,
    cursor: &chain_cursor::Model,
) -> Result<bool> {
    let Some(hash) = &cursor.block_hash else { return Ok(true) };
    let now = port.block(cursor.block_number.unsigned_abs()).await?;
    if now.is_some_and(|now| now.to_string() == *hash) {
        return Ok(true);
    }
    let Some(fork) = parting(state, port, cursor).await? else { return Ok(true) };
    let gone = gone(state, port, cursor, &fork).await?;
    tracing::warn!(
        from = cursor.block_number,
        to = fork.number,
        payments = gone.payments.len(),
        "the chain took blocks back"
    );
    let shared = Arc::new((state.clone(), cursor.clone(), fork, gone));
    state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (state, cursor, fork, gone) = &*shared;
                go_back(state, tx, cursor, fork, gone).await
            })
        })
        .await?;
    Ok(false)
}

async fn go_back(
    state: &AppState,
    tx: &Tx,
    cursor: &chain_cursor::Model,
    fork: &Fork,
    gone: &Gone,
) -> Result<()> {
    let Some(port) = &state.chain else { return Ok(()) };
    let change = chain_cursor::ActiveModel {
        block_number: Set(fork.number),
        block_hash: Set(fork.hash.clone()),
        caught_up: Set(false),
        updated_at: Set(state.clock.now_ms()),
        row_version: Set(cursor.row_version + 1),
        ..Default::default()
    };
    save(tx, cursor, change).await?;
    chain_checkpoint::Entity::delete_many()
        .filter(chain_checkpoint::Column::Source.eq(&cursor.id))
        .filter(chain_checkpoint::Column::BlockNumber.gt(fork.number))
        .exec(tx)
        .await?;
    let desk = Desk::new(state, tx, port.terms());
    for row in &gone.refunds {
        if let Some(row) = unchanged(tx, row).await? {
            desk.undo_refund(row).await?;
        }
    }
    for row in &gone.payments {
        if let Some(row) = unchanged(tx, row).await? {
            desk.undo(row).await?;
        }
    }
    Ok(())
}

/// Payments whose events are not told.
#[derive(Debug, Default)]
pub(crate) struct Missing {
    /// The chain says that they are not there.
    gone: Vec<chain_payment::Model>,
    /// The chain has them.
    left_out: Vec<chain_payment::Model>,
}

/// Payments that a request settled in these blocks, before they were read, and whether the chain says they are not there. That their
/// events were not told is no proof: endpoints leave events out.
pub(crate) async fn missing(
    state: &AppState,
    port: &dyn ChainPort,
    cursor: &chain_cursor::Model,
    to: i64,
    events: &[ChainEvent],
) -> Result<Missing> {
    let rows = ahead(state.db.read(), &cursor.id, cursor.block_number, to).await?;
    let mut missing = Missing::default();
    for row in rows {
        if is_among(&row, events) {
            continue;
        }
        if is_gone(port, &row).await? {
            missing.gone.push(row);
        } else {
            tracing::warn!(tx = row.tx_hash, "a payment that the chain has was left out of its events");
            missing.left_out.push(row);
        }
    }
    Ok(missing)
}

/// Undoes what is gone.
pub(crate) async fn undo_missing(
    desk: &Desk<'_>,
    (after, to): (i64, i64),
    events: &[ChainEvent],
    missing: &Missing,
) -> Result<()> {
    for row in ahead(desk.tx, &super::source(desk.terms), after, to).await? {
        if missing.gone.contains(&row) {
            desk.undo(row).await?;
        } else if !is_among(&row, events) && !missing.left_out.contains(&row) {
            // It was settled since they were looked for.
            return Err(Moved.into());
        }
    }
    Ok(())
}

/// Payments in blocks that are only being read.
async fn ahead(
    db: &impl ConnectionTrait,
    source: &str,
    after: i64,
    to: i64,
) -> Result<Vec<chain_payment::Model>> {
    let rows = chain_payment::Entity::find()
        .filter(chain_payment::Column::Source.eq(source))
        .filter(chain_payment::Column::State.is_in(MINED))
        // Failed transactions have no event to be found.
        .filter(chain_payment::Column::Item.is_not_null())
        .filter(chain_payment::Column::BlockNumber.gt(after))
        .filter(chain_payment::Column::BlockNumber.lte(to));
    Ok(rows.all(db).await?)
}

/// Whether the chain says that a payment is not there: another block is in the place of its own, or its transaction does something
/// else in it. That a receipt cannot be had is no proof: not all endpoints keep them for ever.
async fn is_gone(port: &dyn ChainPort, row: &chain_payment::Model) -> Result<bool> {
    let (Some(at), Some(item), Some(key)) = (row.block()?, row.item.as_deref(), row.key()?) else {
        return Ok(false);
    };
    if read::block(port, at.number).await? != at {
        return Ok(true);
    }
    let item = parsed::<ChainHash>(item)?;
    Ok(match port.transaction(row.tx()?).await? {
        TxOutcome::Mined { block, purchases } if block == at => {
            !purchases.iter().any(|paid| paid.item == item && paid.buyer_key == key)
        }
        TxOutcome::Reverted { block } => block == at,
        _ => false,
    })
}

/// The last block that both chains have; `hash` is absent where they have none in common.
#[derive(Clone, Debug)]
struct Fork {
    number: i64,
    hash: Option<String>,
    /// From this block on, both are proven to differ.
    differs: i64,
}

#[derive(Debug)]
struct Gone {
    payments: Vec<chain_payment::Model>,
    refunds: Vec<chain_payment::Model>,
}

/// Where the chains part; `None` while there is no proof that they do: a node may only be behind.
async fn parting(
    state: &AppState,
    port: &dyn ChainPort,
    cursor: &chain_cursor::Model,
) -> Result<Option<Fork>> {
    let checkpoints = chain_checkpoint::Entity::find()
        .filter(chain_checkpoint::Column::Source.eq(&cursor.id))
        .filter(chain_checkpoint::Column::BlockNumber.lte(cursor.block_number))
        .order_by_desc(chain_checkpoint::Column::BlockNumber)
        .all(state.db.read())
        .await?;
    let mut differs = None;
    for checkpoint in checkpoints {
        let Some(hash) = port.block(checkpoint.block_number.unsigned_abs()).await? else { continue };
        if hash.to_string() == checkpoint.block_hash {
            let (number, hash) = (checkpoint.block_number, Some(checkpoint.block_hash));
            return Ok(differs.map(|differs| Fork { number, hash, differs }));
        }
        differs = Some(checkpoint.block_number);
    }
    Ok(differs.map(|differs| Fork { number: cursor.from_block - 1, hash: None, differs }))
}

/// What was mined after the fork in blocks that are gone.
async fn gone(
    state: &AppState,
    port: &dyn ChainPort,
    cursor: &chain_cursor::Model,
    fork: &Fork,
) -> Result<Gone> {
    use chain_payment::Column;
    let after = Condition::any()
        .add(Column::BlockNumber.gt(fork.number))
        .add(Column::RefundBlockNumber.gt(fork.number));
    let rows = chain_payment::Entity::find()
        .filter(Column::Source.eq(&cursor.id))
        .filter(Column::State.is_in(MINED))
        .filter(after)
        .all(state.db.read())
        .await?;
    let mut canonical = HashMap::new();
    let mut gone = Gone { payments: Vec::new(), refunds: Vec::new() };
    for row in rows {
        let mut stands = Vec::new();
        for block in [row.block()?, row.refund_block()?] {
            let Some(block) = block else {
                stands.push(true);
                continue;
            };
            if let std::collections::hash_map::Entry::Vacant(entry) = canonical.entry(block.number) {
                entry.insert(port.block(block.number).await?);
            }
            let number = signed(block.number);
            stands.push(match canonical.get(&block.number).copied().flatten() {
                _ if number <= fork.number => true,
                Some(now) => now == block.hash,
                None if number >= fork.differs => false,
                // A node that is behind the others proves nothing.
                None => {
                    let what = format!("block {number} is not there yet");
                    return Err(ChainFault::Unreachable(what).into());
                }
            });
        }
        match stands.as_slice() {
            [false, _] => gone.payments.push(row),
            [_, false] => gone.refunds.push(row),
            _ => {}
        }
    }
    Ok(gone)
}

/// The row as it is now, unless it moved since it was looked at.
async fn unchanged(tx: &Tx, seen: &chain_payment::Model) -> Result<Option<chain_payment::Model>> {
    let row = chain_payment::Entity::find_by_id(&seen.id).one(tx).await?;
    Ok(row.filter(|row| row.row_version == seen.row_version))
}
