//! One round of reading a contract: is the chain still the one that was read, and what happened on it since.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};
use sealpost_database::Tx;
use sealpost_market::chain::{BlockRef, BuyerKey, ChainEvent, ChainHash, ChainPurchase, judge};

use super::pace::Pace;
use super::port::{ChainPort, Heads};
use super::settle::{Desk, Verified};
use super::{payments, reorg};
use crate::fault::{Fault, Result};
use crate::schema::{chain_checkpoint, chain_cursor, chain_payment};
use crate::state::AppState;

/// Blocks before the cursor that are read again each time: endpoints leave events out, and tell of them a moment later.
const TRAIL: u64 = 64;
/// The most blocks that are ever read again.
const FARTHEST: u64 = 1 << 16;
/// Checkpoints kept one by one; of older ones, ever fewer.
const CLOSE: u64 = 64;

/// Reads what is settled since the last round, one chunk of it. Whether there is more to read.
pub(crate) async fn round(state: &AppState, port: &dyn ChainPort, heads: Heads, pace: Pace) -> Result<bool> {
    let cursor = cursor(state, port).await?;
    if !reorg::check(state, port, &cursor).await? {
        return Ok(true);
    }
    let from = cursor.block_number.saturating_add(1).max(0).unsigned_abs();
    let to = heads.settled.number.min(from.saturating_add(pace.blocks() - 1));
    if from > to {
        note(state, &cursor, heads).await?;
        return Ok(false);
    }
    let end = if to == heads.settled.number { heads.settled } else { block(port, to).await? };
    let again = trail(port, from);
    let mut events = port.events(again, to).await?;
    if to == heads.settled.number {
        let older = older(port, from, to).await;
        events.splice(0..0, older);
    }
    // They belong to the chain that ends here, unless it changed meanwhile.
    if block(port, to).await? != end {
        return Err(Fault::Conflict);
    }
    let more = to < heads.settled.number;
    let events = unknown(state, port, cursor.block_number, events).await?;
    Chunk { state, port, heads, end, more }.take(cursor, events, pace).await?;
    Ok(more)
}

/// What was read together. It is taken in parts that end where blocks end, each in a transaction of its own: whoever fills
/// blocks with payments holds up nobody's writing for long, and what was taken stays when the next question fails.
struct Chunk<'a> {
    state: &'a AppState,
    port: &'a dyn ChainPort,
    heads: Heads,
    end: BlockRef,
    more: bool,
}

impl Chunk<'_> {
    async fn take(
        &self,
        mut cursor: chain_cursor::Model,
        mut events: Vec<ChainEvent>,
        pace: Pace,
    ) -> Result<()> {
        // What was given back is not verified any more, and was until then: the contract itself says so.
        let refunded: HashSet<_> = events
            .iter()
            .filter_map(|event| match event {
                ChainEvent::Refunded(refund) => Some((refund.item, refund.key_hash)),
                ChainEvent::Purchased(_) => None,
            })
            .collect();
        // Those that were left out before go with the first part: the cursor goes on from where it is.
        let before = events.partition_point(|event| signed(event.block().number) <= cursor.block_number);
        let newer = events.split_off(before);
        let mut parts = parts(newer, pace.events());
        match parts.first_mut() {
            Some(first) => drop(first.splice(0..0, events)),
            None => parts.push(events),
        }
        let last = parts.pop().unwrap_or_default();
        for part in parts {
            let Some(end) = part.last().map(ChainEvent::block) else { continue };
            cursor = self.part(cursor, end, true, part, &refunded, pace).await?;
        }
        self.part(cursor, self.end, self.more, last, &refunded, pace).await.map(drop)
    }

    async fn part(
        &self,
        cursor: chain_cursor::Model,
        end: BlockRef,
        more: bool,
        events: Vec<ChainEvent>,
        refunded: &HashSet<(ChainHash, ChainHash)>,
        pace: Pace,
    ) -> Result<chain_cursor::Model> {
        let paid = events.iter().filter_map(|event| match event {
            ChainEvent::Purchased(paid) => Some(paid),
            ChainEvent::Refunded(_) => None,
        });
        let mut verified = ask(self.state, self.port, paid, self.heads.settled, pace).await?;
        for ((item, key), verified) in &mut verified.0 {
            *verified |= refunded.contains(&(*item, key.hash()));
        }
        // What is read again is in blocks that the cursor has passed.
        let passed = signed(end.number) <= cursor.block_number;
        let hash = if passed { cursor.block_hash.clone() } else { Some(end.hash.to_string()) };
        let number = signed(end.number).max(cursor.block_number);
        let missing = reorg::missing(self.state, self.port, &cursor, number, &events).await?;
        let after = chain_cursor::Model {
            block_number: number,
            block_hash: hash,
            latest: signed(self.heads.latest.number),
            settled: signed(self.heads.settled.number),
            caught_up: !more,
            error: None,
            updated_at: self.state.clock.now_ms(),
            row_version: cursor.row_version + 1,
            ..cursor.clone()
        };
        let read = Arc::new(Read { before: cursor, after: after.clone(), events, verified, missing });
        let shared = self.state.clone();
        self.state
            .db
            .write(move |tx| {
                let (state, read) = (shared.clone(), read.clone());
                Box::pin(async move { take(&state, tx, &read).await })
            })
            .await?;
        Ok(after)
    }
}

/// Events of whole blocks, about so many together.
fn parts(events: Vec<ChainEvent>, size: usize) -> Vec<Vec<ChainEvent>> {
    let mut parts: Vec<Vec<ChainEvent>> = Vec::new();
    for event in events {
        match parts.last_mut() {
            Some(part) if part.len() < size || part.last().map(ChainEvent::block) == Some(event.block()) => {
                part.push(event);
            }
            _ => parts.push(vec![event]),
        }
    }
    parts
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

/// Asks the contract about those payments that would count if it stands by them, at one settled block. What is refused anyway
/// costs no question.
pub(crate) async fn ask<'a>(
    state: &AppState,
    port: &dyn ChainPort,
    paid: impl Iterator<Item = &'a ChainPurchase>,
    at: BlockRef,
    pace: Pace,
) -> Result<Answers> {
    let (db, source) = (state.db.read(), super::source(port.terms()));
    let (mut offers, mut rows) = (HashMap::new(), HashMap::new());
    let mut matter = HashSet::new();
    for paid in paid {
        if let std::collections::hash_map::Entry::Vacant(entry) = offers.entry(paid.item) {
            let release = payments::release_of(db, paid.item).await?;
            entry.insert(match release {
                Some(release) => payments::offers_of(db, &source, &release.listing).await?,
                None => Vec::new(),
            });
        }
        let offers = offers.get(&paid.item).map(Vec::as_slice).unwrap_or_default();
        if offers.is_empty() || payments::usable_key(&paid.buyer_key).is_err() {
            continue;
        }
        if let std::collections::hash_map::Entry::Vacant(entry) = rows.entry(paid.tx) {
            entry.insert(payments::of_tx(db, &source, paid.tx).await?);
        }
        let rows = rows.get(&paid.tx).map(Vec::as_slice).unwrap_or_default();
        let known: Vec<_> = rows.iter().filter(|row| row.is_of(paid)).collect();
        let is_settled = known.iter().all(|row| row.is_in(paid.block) && row.is_settled());
        let stood = known.iter().any(|row| row.purchase.is_some() || row.accepted_at.is_some());
        if (known.is_empty() || !is_settled) && (stood || judge(paid, offers).is_ok()) {
            matter.insert((paid.item, paid.buyer_key.clone()));
        }
    }
    let questions = matter.into_iter().map(|(item, key)| async move {
        let verified = port.verified(item, &key, at).await?;
        Ok::<_, Fault>(((item, key), verified))
    });
    let questions: Vec<_> = questions.collect();
    stream::iter(questions).buffer_unordered(pace.questions()).try_collect().await.map(Answers)
}

struct Read {
    before: chain_cursor::Model,
    after: chain_cursor::Model,
    events: Vec<ChainEvent>,
    verified: Answers,
    missing: reorg::Missing,
}

/// How far a contract was read; a new one before the first round.
pub(crate) async fn cursor(state: &AppState, port: &dyn ChainPort) -> Result<chain_cursor::Model> {
    let id = super::source(port.terms());
    let start = signed(port.terms().from_block);
    if let Some(row) = chain_cursor::Entity::find_by_id(&id).one(state.db.read()).await? {
        // What was read stays read, unless an earlier beginning is asked for.
        let anew = start < row.from_block || (row.block_hash.is_none() && start != row.from_block);
        return if anew { start_anew(state, row, start).await } else { Ok(row) };
    }
    let row = chain_cursor::Model {
        id,
        from_block: start,
        block_number: start - 1,
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
                .on_conflict(OnConflict::new().do_nothing().to_owned());
            Box::pin(async move { insert.exec_without_returning(tx).await.map(drop).map_err(Fault::from) })
        })
        .await?;
    let found = chain_cursor::Entity::find_by_id(&row.id).one(state.db.read()).await?;
    found.ok_or_else(|| Fault::internal("the cursor of the chain is missing"))
}

/// Reads a contract from its new beginning on; whatever is known of its payments stays and is compared.
async fn start_anew(state: &AppState, row: chain_cursor::Model, start: i64) -> Result<chain_cursor::Model> {
    tracing::info!(from = start, before = row.from_block, "the chain is read from another block on");
    let after = chain_cursor::Model {
        from_block: start,
        block_number: start - 1,
        block_hash: None,
        caught_up: false,
        row_version: row.row_version + 1,
        ..row.clone()
    };
    let shared = Arc::new((row, after.clone()));
    state
        .db
        .write(move |tx| {
            let shared = shared.clone();
            Box::pin(async move {
                let (before, after) = &*shared;
                save(tx, before, after.clone().into_active_model().reset_all()).await?;
                chain_checkpoint::Entity::delete_many()
                    .filter(chain_checkpoint::Column::Source.eq(&before.id))
                    .exec(tx)
                    .await?;
                Ok::<_, Fault>(())
            })
        })
        .await?;
    Ok(after)
}

/// Where reading begins that goes on at `from`.
fn trail(port: &dyn ChainPort, from: u64) -> u64 {
    from.saturating_sub(TRAIL).max(port.terms().from_block.min(from))
}

/// Events of blocks that were read long ago, where it is time to read them again. Without them the newer ones count all the same:
/// endpoints may not keep them.
async fn older(port: &dyn ChainPort, from: u64, to: u64) -> Vec<ChainEvent> {
    let (begin, end) = (from.saturating_sub(reach(from, to)).max(port.terms().from_block), trail(port, from));
    if begin >= end {
        return Vec::new();
    }
    match port.events(begin, end - 1).await {
        Ok(events) => events,
        Err(fault) => {
            tracing::info!(%fault, from = begin, to = end - 1, "blocks that were read before cannot be read again");
            Vec::new()
        }
    }
}

/// How many of the blocks before `from` are read again with `from..=to`: twice the largest power of two that one of these is a
/// multiple of. So each block is read again when about 64, 128, 256 blocks are above it, and so on: what an endpoint left
/// out for a minute or for a day is found, at a cost that does not grow.
fn reach(from: u64, to: u64) -> u64 {
    let before = from.saturating_sub(1);
    // The highest bit that changes is the largest power whose multiple is passed.
    let passed = (before ^ to).checked_ilog2().map_or(0, |bit| 1_u64 << bit.min(63));
    passed.saturating_mul(2).min(FARTHEST)
}

/// The events that are not written down yet, of those up to the cursor; all of those after it.
async fn unknown(
    state: &AppState,
    port: &dyn ChainPort,
    cursor: i64,
    events: Vec<ChainEvent>,
) -> Result<Vec<ChainEvent>> {
    use chain_payment::Column;
    let Some(first) =
        events.first().map(|event| signed(event.block().number)).filter(|first| *first <= cursor)
    else {
        return Ok(events);
    };
    let within = |column: Column| column.between(first, cursor);
    let rows = chain_payment::Entity::find()
        .filter(Column::Source.eq(super::source(port.terms())))
        .filter(Column::State.is_in(reorg::MINED))
        .filter(Condition::any().add(within(Column::BlockNumber)).add(within(Column::RefundBlockNumber)))
        .all(state.db.read())
        .await?;
    let known: HashSet<Place> = rows.iter().flat_map(places).collect();
    let is_new = |event: &ChainEvent| signed(event.block().number) > cursor || !known.contains(&place(event));
    Ok(events.into_iter().filter(is_new).collect())
}

/// Block, transaction, number within it, and whether it is a refund.
type Place = (String, String, i32, bool);

fn place(event: &ChainEvent) -> Place {
    let (tx, index, refund) = match event {
        ChainEvent::Purchased(paid) => (paid.tx, paid.index, false),
        ChainEvent::Refunded(refund) => (refund.tx, refund.index, true),
    };
    (event.block().hash.to_string(), tx.to_string(), i32::try_from(index).unwrap_or(i32::MAX), refund)
}

/// Where a payment and its refund are.
fn places(row: &chain_payment::Model) -> impl Iterator<Item = Place> {
    let paid = row.block_hash.clone().zip(row.tx_index);
    let paid = paid.map(|(block, index)| (block, row.tx_hash.clone(), index, false));
    let refund = row.refund_block_hash.clone().zip(row.refund_tx.clone()).zip(row.refund_index);
    let refund = refund.map(|((block, tx), index)| (block, tx, index, true));
    paid.into_iter().chain(refund)
}

pub(super) async fn block(port: &dyn ChainPort, number: u64) -> Result<BlockRef> {
    let hash = port.block(number).await?;
    // A node that is behind the one that told the heads.
    let hash =
        hash.ok_or_else(|| super::ChainFault::Unreachable(format!("block {number} is not there yet")))?;
    Ok(BlockRef { number, hash })
}

/// What was read, and that it was read, in one transaction.
async fn take(state: &AppState, tx: &Tx, read: &Read) -> Result<()> {
    let Some(port) = &state.chain else { return Ok(()) };
    let terms = port.terms();
    move_cursor(tx, read).await?;
    let mut desk = Desk::new(state, tx, terms);
    let blocks = (read.before.block_number, read.after.block_number);
    reorg::undo_missing(&desk, blocks, &read.events, &read.missing).await?;
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

async fn move_cursor(tx: &Tx, read: &Read) -> Result<()> {
    save(tx, &read.before, read.after.clone().into_active_model().reset_all()).await?;
    let (block_number, Some(block_hash)) = (read.after.block_number, read.after.block_hash.clone()) else {
        return Ok(());
    };
    if block_number == read.before.block_number {
        return Ok(());
    }
    let checkpoint = chain_checkpoint::Model { source: read.before.id.clone(), block_number, block_hash };
    chain_checkpoint::Entity::insert(checkpoint.into_active_model()).exec_without_returning(tx).await?;
    thin_out(tx, &read.before.id, block_number.unsigned_abs()).await
}

/// Saves a cursor, if no other process moved it.
pub(crate) async fn save(
    tx: &Tx,
    before: &chain_cursor::Model,
    mut change: chain_cursor::ActiveModel,
) -> Result<()> {
    change.id = sea_orm::ActiveValue::NotSet;
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

/// Another process read on meanwhile, or a question was left out that matters by now; whoever asked begins anew.
#[derive(Debug)]
pub(crate) struct Moved;

impl From<Moved> for Fault {
    fn from(_: Moved) -> Self {
        sealpost_api::Problem::new(409, MOVED, "Another process read on").into()
    }
}

/// Whether answers are out of date because of what happened while they were asked for.
pub(crate) fn is_overtaken(fault: &Fault) -> bool {
    match fault {
        Fault::Conflict => true,
        Fault::Problem(problem) => problem.code == MOVED,
        _ => false,
    }
}

/// Which step of the reader answers belong to that are asked for now.
pub(crate) async fn step(state: &AppState, port: &dyn ChainPort) -> Result<Option<i64>> {
    let row = chain_cursor::Entity::find_by_id(super::source(port.terms())).one(state.db.read()).await?;
    Ok(row.map(|row| row.row_version))
}

/// Ends a transaction whose answers are of an earlier step: the chain may have changed since, and what is written now in blocks
/// that were read would never be looked at again. Nobody reads on until the transaction has ended.
pub(crate) async fn check_step(tx: &Tx, source: &str, step: Option<i64>) -> Result<()> {
    let row = chain_cursor::Entity::find_by_id(source).lock_shared().one(tx).await?;
    if row.map(|row| row.row_version) == step { Ok(()) } else { Err(Moved.into()) }
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
    let error = (latest < cursor.block_number).then(|| {
        format!("The endpoints are behind: at block {latest}, where {} was read.", cursor.block_number)
    });
    let caught_up = error.is_none();
    if (cursor.latest, cursor.settled, cursor.caught_up) == (latest, settled, caught_up)
        && cursor.error == error
    {
        return Ok(());
    }
    show(state, &cursor.id, move |row| {
        row.latest = Set(latest);
        row.settled = Set(settled);
        row.caught_up = Set(caught_up);
        row.error = Set(error.clone());
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
            row.is_in(paid.block) && row.tx_hash == paid.tx.to_string() && row.is_of(paid)
        }
        ChainEvent::Refunded(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_read_again_when_64_and_128_and_65536_are_above_it() {
        for step in [1, 3, 20] {
            let mut ages = std::collections::BTreeSet::new();
            let (mut from, seen) = (1_u64, 100_003_u64);
            while from < 400_000 {
                let to = from + step - 1;
                if from > seen && from.saturating_sub(reach(from, to)) <= seen {
                    ages.insert((from - seen).ilog2());
                }
                from = to + 1;
            }
            for age in [6, 7, 8, 12, 15] {
                assert!(ages.contains(&age), "{step}: {ages:?}");
            }
        }
    }

    #[test]
    fn reading_again_costs_a_few_blocks_for_each_new_one() {
        let read: u64 = (1..=1 << 20).map(|block| reach(block, block)).sum();
        assert!(read / (1 << 20) <= 40, "{read}");
    }
}
