//! One round of reading a contract: is the chain still the one that was read, and what happened on it since.

use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use sealpost_database::Tx;
use sealpost_market::chain::{BlockRef, BuyerKey, ChainEvent, ChainHash, ChainPurchase};

use super::port::{ChainPort, Heads};
use super::settle::{Desk, Verified};
use super::{payments, reorg};
use crate::fault::{Fault, Result};
use crate::schema::{chain_checkpoint, chain_cursor, chain_payment};
use crate::state::AppState;

/// Blocks read together.
const CHUNK: u64 = 2_000;
/// View calls under way at the same time.
const AT_ONCE: usize = 8;
/// Checkpoints kept one by one; of older ones, ever fewer.
const CLOSE: u64 = 64;

/// Reads what is settled since the last round, one chunk of it. Whether there is more to read.
pub(crate) async fn round(state: &AppState, port: &dyn ChainPort, heads: Heads) -> Result<bool> {
    let cursor = cursor(state, port).await?;
    if !reorg::check(state, port, &cursor).await? {
        return Ok(true);
    }
    let from = cursor.block_number.saturating_add(1).max(0).unsigned_abs();
    let to = heads.settled.number.min(from.saturating_add(CHUNK - 1));
    if from > to {
        note(state, &cursor, heads).await?;
        return Ok(false);
    }
    let end = if to == heads.settled.number { heads.settled } else { block(port, to).await? };
    let events = port.events(from, to).await?;
    // They belong to the chain that ends here, unless it changed meanwhile.
    if block(port, to).await? != end {
        return Err(Fault::Conflict);
    }
    let verified = verify(state, port, &events, heads.settled).await?;
    let more = to < heads.settled.number;
    let read = Arc::new(Read { cursor, heads, end, events, verified, more });
    let shared = state.clone();
    state
        .db
        .write(move |tx| {
            let (state, read) = (shared.clone(), read.clone());
            Box::pin(async move { take(&state, tx, &read).await })
        })
        .await?;
    Ok(more)
}

/// What `verifyPurchase` says at one block, by item and key.
#[derive(Debug, Default)]
pub(crate) struct Answers(HashMap<(ChainHash, BuyerKey), bool>);

impl Answers {
    pub(crate) fn of(&self, paid: &ChainPurchase) -> Verified {
        match self.0.get(&(paid.item, paid.buyer_key.clone())) {
            Some(true) => Verified::Yes,
            Some(false) => Verified::No,
            None => Verified::NotAsked,
        }
    }
}

/// Asks the contract about those payments that concern this store, at one settled block.
pub(crate) async fn ask<'a>(
    state: &AppState,
    port: &dyn ChainPort,
    paid: impl Iterator<Item = &'a ChainPurchase>,
    at: BlockRef,
) -> Result<Answers> {
    let mut known = HashMap::new();
    for paid in paid {
        if payments::release_of(state.db.read(), paid.item).await?.is_some() {
            known.insert((paid.item, paid.buyer_key.clone()), ());
        }
    }
    let questions = known.into_keys().map(|(item, key)| async move {
        let verified = port.verified(item, &key, at).await?;
        Ok::<_, Fault>(((item, key), verified))
    });
    let questions: Vec<_> = questions.collect();
    stream::iter(questions).buffer_unordered(AT_ONCE).try_collect().await.map(Answers)
}

struct Read {
    cursor: chain_cursor::Model,
    heads: Heads,
    end: BlockRef,
    events: Vec<ChainEvent>,
    verified: Answers,
    more: bool,
}

async fn cursor(state: &AppState, port: &dyn ChainPort) -> Result<chain_cursor::Model> {
    let id = super::source(port.terms());
    if let Some(row) = chain_cursor::Entity::find_by_id(&id).one(state.db.read()).await? {
        return Ok(row);
    }
    let row = chain_cursor::Model {
        id,
        block_number: i64::try_from(port.terms().from_block).unwrap_or(i64::MAX) - 1,
        block_hash: None,
        latest: 0,
        settled: 0,
        caught_up: false,
        error: None,
        updated_at: state.clock.now_ms(),
        row_version: 1,
    };
    let fresh = row.clone();
    state
        .db
        .write(move |tx| {
            // Of two processes that start at once, the first one's row counts.
            let insert = chain_cursor::Entity::insert(fresh.clone().into_active_model())
                .on_conflict(sea_orm::sea_query::OnConflict::new().do_nothing().to_owned());
            Box::pin(async move { insert.exec_without_returning(tx).await.map(drop).map_err(Fault::from) })
        })
        .await?;
    let found = chain_cursor::Entity::find_by_id(&row.id).one(state.db.read()).await?;
    found.ok_or_else(|| Fault::internal("the cursor of the chain is missing"))
}

async fn block(port: &dyn ChainPort, number: u64) -> Result<BlockRef> {
    let hash = port.block(number).await?;
    // A node that is behind the one that told the heads.
    let hash =
        hash.ok_or_else(|| super::ChainFault::Unreachable(format!("block {number} is not there yet")))?;
    Ok(BlockRef { number, hash })
}

async fn verify(
    state: &AppState,
    port: &dyn ChainPort,
    events: &[ChainEvent],
    at: BlockRef,
) -> Result<Answers> {
    let paid = events.iter().filter_map(|event| match event {
        ChainEvent::Purchased(paid) => Some(paid),
        ChainEvent::Refunded(_) => None,
    });
    let mut answers = ask(state, port, paid, at).await?;
    // What was given back is not verified any more, and was until then: the contract itself says so.
    for event in events {
        let ChainEvent::Refunded(refund) = event else { continue };
        for ((item, key), verified) in &mut answers.0 {
            *verified |= *item == refund.item && key.hash() == refund.key_hash;
        }
    }
    Ok(answers)
}

/// What was read, and that it was read, in one transaction.
async fn take(state: &AppState, tx: &Tx, read: &Read) -> Result<()> {
    let Some(port) = &state.chain else { return Ok(()) };
    let terms = port.terms();
    move_cursor(state, tx, read).await?;
    let mut desk = Desk::new(state, tx, terms);
    reorg::undo_missing(&desk, read.cursor.block_number, read.end.number, &read.events).await?;
    for event in &read.events {
        match event {
            ChainEvent::Purchased(paid) => {
                desk.purchased(paid, read.verified.of(paid)).await?;
            }
            ChainEvent::Refunded(refund) => desk.refunded(refund).await?,
        }
    }
    Ok(())
}

async fn move_cursor(state: &AppState, tx: &Tx, read: &Read) -> Result<()> {
    let number = signed(read.end.number);
    let change = chain_cursor::ActiveModel {
        block_number: Set(number),
        block_hash: Set(Some(read.end.hash.to_string())),
        latest: Set(signed(read.heads.latest.number)),
        settled: Set(signed(read.heads.settled.number)),
        caught_up: Set(!read.more),
        error: Set(None),
        updated_at: Set(state.clock.now_ms()),
        row_version: Set(read.cursor.row_version + 1),
        ..Default::default()
    };
    save(tx, &read.cursor, change).await?;
    let checkpoint = chain_checkpoint::Model {
        source: read.cursor.id.clone(),
        block_number: number,
        block_hash: read.end.hash.to_string(),
    };
    chain_checkpoint::Entity::insert(checkpoint.into_active_model()).exec_without_returning(tx).await?;
    thin_out(tx, &read.cursor.id, read.end.number).await
}

/// Saves a cursor, if no other process moved it.
pub(crate) async fn save(
    tx: &Tx,
    before: &chain_cursor::Model,
    change: chain_cursor::ActiveModel,
) -> Result<()> {
    let saved = chain_cursor::Entity::update_many()
        .set(change)
        .filter(chain_cursor::Column::Id.eq(&before.id))
        .filter(chain_cursor::Column::RowVersion.eq(before.row_version))
        .exec(tx)
        .await?;
    if saved.rows_affected == 1 { Ok(()) } else { Err(Moved.into()) }
}

/// Code of [`Moved`].
pub(crate) const MOVED: &str = "chain_read_elsewhere";

/// Another process read on meanwhile; whoever lost begins anew.
#[derive(Debug)]
pub(crate) struct Moved;

impl From<Moved> for Fault {
    fn from(_: Moved) -> Self {
        sealpost_api::Problem::new(409, MOVED, "Another process read on").into()
    }
}

/// Of the checkpoints behind this block all that are close stay, and of the others one in each stretch that doubles.
async fn thin_out(tx: &Tx, source: &str, head: u64) -> Result<()> {
    let rows = chain_checkpoint::Entity::find()
        .filter(chain_checkpoint::Column::Source.eq(source))
        .order_by_desc(chain_checkpoint::Column::BlockNumber)
        .all(tx)
        .await?;
    let stretch = |row: &chain_checkpoint::Model| {
        let behind = head.saturating_sub(row.block_number.unsigned_abs());
        (behind >= CLOSE).then(|| behind.ilog2())
    };
    let mut surplus = Vec::new();
    for pair in rows.windows(2) {
        // The older one of a stretch stays, so that it grows into the next one.
        if let (Some(newer), Some(older)) = (stretch(&pair[0]), stretch(&pair[1]))
            && newer == older
        {
            surplus.push(pair[0].block_number);
        }
    }
    if surplus.is_empty() {
        return Ok(());
    }
    chain_checkpoint::Entity::delete_many()
        .filter(chain_checkpoint::Column::Source.eq(source))
        .filter(chain_checkpoint::Column::BlockNumber.is_in(surplus))
        .exec(tx)
        .await?;
    Ok(())
}

/// Shows where the watcher is when there was nothing to read.
async fn note(state: &AppState, cursor: &chain_cursor::Model, heads: Heads) -> Result<()> {
    let (latest, settled) = (signed(heads.latest.number), signed(heads.settled.number));
    if (cursor.latest, cursor.settled, cursor.caught_up) == (latest, settled, true) && cursor.error.is_none()
    {
        return Ok(());
    }
    show(state, &cursor.id, move |row| {
        row.latest = Set(latest);
        row.settled = Set(settled);
        row.caught_up = Set(true);
        row.error = Set(None);
    })
    .await
}

/// Changes what is shown of the watcher; where it is stays.
pub(crate) async fn show(
    state: &AppState,
    source: &str,
    change: impl Fn(&mut chain_cursor::ActiveModel) + Send + Sync + 'static,
) -> Result<()> {
    let (now, source) = (state.clock.now_ms(), source.to_owned());
    state
        .db
        .write(move |tx| {
            let mut row = chain_cursor::ActiveModel { updated_at: Set(now), ..Default::default() };
            change(&mut row);
            let update =
                chain_cursor::Entity::update_many().set(row).filter(chain_cursor::Column::Id.eq(&source));
            Box::pin(async move { update.exec(tx).await.map(drop).map_err(Fault::from) })
        })
        .await
}

pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Whether a row of a payment is one of these events.
pub(crate) fn is_among(row: &chain_payment::Model, events: &[ChainEvent]) -> bool {
    events.iter().any(|event| match event {
        ChainEvent::Purchased(paid) => {
            row.is_in(paid.block)
                && row.tx_hash == paid.tx.to_string()
                && row.item.as_deref() == Some(&paid.item.to_string())
                && row.buyer_key.as_deref() == Some(&paid.buyer_key.to_string())
        }
        ChainEvent::Refunded(_) => false,
    })
}
