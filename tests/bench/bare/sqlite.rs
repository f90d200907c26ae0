//! The statements on SQLite: one connection a thread for reading, one thread that writes for all.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, Row, params, params_from_iter};
use tokio::sync::oneshot;

use super::rows::{self, ListingRow, Order, PageOf, ReleaseRow};

/// Purchases in one transaction at most, as many as in the store.
const GROUP: usize = 128;

thread_local! {
    static READER: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

type Call = (Order, oneshot::Sender<Result<String>>);

/// A database file.
#[derive(Clone)]
pub(super) struct Sqlite {
    path: PathBuf,
    writer: SyncSender<Call>,
}

impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let (writer, calls) = sync_channel(1024);
        let connection = open(path)?;
        std::thread::spawn(move || write(connection, &calls));
        Ok(Self { path: path.to_owned(), writer })
    }

    pub(super) fn page(&self, of: &PageOf) -> Result<(Vec<ListingRow>, Vec<ReleaseRow>)> {
        self.read(|reader| {
            let mut select = reader.prepare_cached(&of.sql())?;
            let rows = match &of.after {
                Some((at, id)) => select.query_map(params!["listed", at, id], listing)?,
                None => select.query_map(params!["listed"], listing)?,
            };
            let listings: Vec<ListingRow> = rows.collect::<Result<_, _>>()?;
            let shown = listings.len().min(of.limit);
            if shown == 0 {
                return Ok((listings, Vec::new()));
            }
            let mut select = reader.prepare_cached(&rows::releases_sql(shown))?;
            let ids = params_from_iter(listings[..shown].iter().map(|row| row.id.as_str()));
            let releases = select.query_map(ids, release)?.collect::<Result<_, _>>()?;
            Ok((listings, releases))
        })
    }

    /// The account behind a token that counts.
    pub(super) fn account(&self, jti: &str) -> Result<String> {
        self.read(|reader| {
            let mut select = reader.prepare_cached(rows::TOKEN)?;
            let (subject, revoked) = select
                .query_row([jti], |row| Ok((row.get::<_, String>(2)?, row.get::<_, Option<i64>>(5)?)))?;
            let mut select = reader.prepare_cached(rows::ACCOUNT)?;
            let (id, disabled) = select
                .query_row([subject], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(8)?)))?;
            if revoked.is_some() || disabled.is_some() {
                bail!("the token does not count");
            }
            Ok(id)
        })
    }

    pub(super) async fn buy(&self, order: Order) -> Result<String> {
        let (answer, answered) = oneshot::channel();
        self.writer.try_send((order, answer)).ok().context("too many wait")?;
        answered.await?
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        READER.with_borrow_mut(|reader| {
            let reader = match reader {
                Some(reader) => reader,
                none => none.insert(open(&self.path)?),
            };
            work(reader)
        })
    }
}

fn open(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Takes all that wait into one transaction and answers when it is on the disk.
fn write(mut connection: Connection, calls: &Receiver<Call>) {
    while let Ok(first) = calls.recv() {
        let group: Vec<Call> = std::iter::once(first).chain(calls.try_iter().take(GROUP - 1)).collect();
        let sold = together(&mut connection, &group);
        let mut answers = match sold {
            Ok(answers) => answers.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => group.iter().map(|_| Err(anyhow::anyhow!("{error:#}"))).collect(),
        };
        for ((_, answer), sold) in group.into_iter().zip(answers.drain(..)) {
            // Whoever asked may be gone.
            let _ = answer.send(sold);
        }
    }
}

fn together(connection: &mut Connection, group: &[Call]) -> Result<Vec<String>> {
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let answers = group.iter().map(|(order, _)| sell(&tx, order)).collect::<Result<Vec<_>>>()?;
    tx.commit()?;
    Ok(answers)
}

fn sell(tx: &Connection, order: &Order) -> Result<String> {
    let select = format!("SELECT {} FROM listings WHERE id = $1", rows::LISTING);
    let found = tx.prepare_cached(&select)?.query_row([&order.listing], listing)?;
    let sale = rows::sell(order, &found)?;
    tx.prepare_cached(rows::INSERT_PURCHASE)?.execute(params![
        sale.purchase,
        order.listing,
        order.buyer,
        sale.terms,
        sale.licence,
        sale.now
    ])?;
    tx.prepare_cached(rows::INSERT_LICENCE)?.execute(params![
        sale.licence,
        order.listing,
        sale.purchase,
        order.buyer,
        sale.prints,
        sale.free_retries,
        sale.now
    ])?;
    let audit = params![sale.now, sale.actor, sale.subject, sale.details];
    tx.prepare_cached(rows::INSERT_AUDIT)?.query_row(audit, |row| row.get::<_, i64>(0))?;
    tx.prepare_cached(rows::INSERT_ANSWER)?.execute(params![
        order.buyer,
        "purchases",
        order.key,
        order.request_sha256,
        sale.answer,
        sale.now
    ])?;
    Ok(sale.answer)
}

fn listing(row: &Row<'_>) -> rusqlite::Result<ListingRow> {
    Ok(ListingRow {
        id: row.get(0)?,
        publisher: row.get(1)?,
        publisher_name: row.get(2)?,
        kind: row.get(3)?,
        state: row.get(4)?,
        title: row.get(5)?,
        description: row.get(6)?,
        price_amount: row.get(7)?,
        price_currency: row.get(8)?,
        terms: row.get(9)?,
        created_at: row.get(10)?,
    })
}

fn release(row: &Row<'_>) -> rusqlite::Result<ReleaseRow> {
    Ok(ReleaseRow {
        id: row.get(0)?,
        listing: row.get(1)?,
        version: row.get(2)?,
        state: row.get(3)?,
        cipher: row.get(4)?,
        blob_size: row.get(7)?,
        blob_sha256: row.get(8)?,
        plain_size: row.get(9)?,
        preview: row.get(11)?,
        created_at: row.get(12)?,
    })
}
