//! Transactions that people name: what one pays for, whether that is settled, and what is kept of it.

use sea_orm::{ConnectionTrait, EntityTrait};
use sealpost_accounts::ApiError;
use sealpost_api::Problem;
use sealpost_market::AccountId;
use sealpost_market::chain::{BuyerKey, ChainHash, ChainPurchase, Refusal, TxOutcome, judge};

use super::port::ChainPort;
use super::questions::Asking;
use super::{payments, pending};
use crate::fault::{Fault, Result, sentence};
use crate::schema::chain_payment::Model;
use crate::schema::{chain_cursor, listing};
use crate::state::AppState;

/// How often a payment is tried to be settled while the chain is read.
const ATTEMPTS: u32 = 3;

/// A transaction that pays for a listing, as somebody says.
#[derive(Debug)]
pub(crate) struct Named<'a> {
    pub(crate) tx: ChainHash,
    pub(crate) listing: &'a listing::Model,
    /// The key it pays for; where absent, one that is the account's.
    pub(crate) key: Option<BuyerKey>,
    pub(crate) account: Option<&'a AccountId>,
}

/// What is known of it.
#[derive(Debug)]
pub(crate) enum Standing {
    /// It is settled, one way or the other, or was.
    Known(Box<Model>),
    /// It may pay for the listing, and is not settled.
    Pending {
        /// Whether anybody has heard of it.
        heard: bool,
        /// What it pays, once it is mined.
        paid: Option<Box<ChainPurchase>>,
        /// Blocks on top of its own, and how many are needed where that is a number.
        depth: Option<(u64, Option<u64>)>,
    },
}

/// Reads the hash of a transaction.
pub(crate) fn read_hash(text: &str) -> Result<ChainHash> {
    text.trim().parse().map_err(|error| crate::limits::invalid("tx_hash", error))
}

/// Finds out what a transaction pays for, and settles it where the chain is far enough. The chain is asked about what the store
/// does not know, and no row is made of what is not settled.
///
/// # Errors
/// That of a [`Refusal`] when it does not pay for the listing, and those of asking the chain.
pub(crate) async fn look(state: &AppState, asking: &Asking<'_>, named: &Named<'_>) -> Result<Standing> {
    if let Some(row) = recorded(state, asking, named).await? {
        return Ok(Standing::Known(Box::new(row)));
    }
    let outcome = asking.transaction(named.tx).await?;
    let (block, purchases) = match &outcome {
        TxOutcome::Unknown => return Ok(Standing::Pending { heard: false, paid: None, depth: None }),
        TxOutcome::Waiting => return Ok(Standing::Pending { heard: true, paid: None, depth: None }),
        TxOutcome::Reverted { .. } => return Err(refused(&Refusal::Reverted)),
        TxOutcome::Mined { block, purchases } => (*block, purchases),
    };
    let paid = choose(state.db.read(), named, purchases).await?;
    let source = super::source(asking.port().terms());
    let offers = payments::offers_of(state.db.read(), &source, &named.listing.id).await?;
    judge(paid, &offers).map_err(|refusal| refused(&refusal))?;
    payments::usable_key(&paid.buyer_key).map_err(|refusal| refused(&refusal))?;
    let port = asking.port();
    let cursor = chain_cursor::Entity::find_by_id(super::source(port.terms())).one(state.db.read()).await?;
    let number = super::read::signed(block.number);
    if cursor.as_ref().is_some_and(|cursor| cursor.settled >= number) {
        settle(state, port, &outcome).await?;
        if let Some(row) = recorded(state, asking, named).await? {
            return Ok(Standing::Known(Box::new(row)));
        }
    }
    let latest = cursor.map_or(number, |cursor| cursor.latest);
    let depth = (latest - number).max(0).unsigned_abs();
    let needed = port.terms().finality.parse().ok();
    Ok(Standing::Pending { heard: true, paid: Some(Box::new(paid.clone())), depth: Some((depth, needed)) })
}

/// Settles it; whoever is overtaken by the reader asks again. What is not settled then is so in a while.
async fn settle(state: &AppState, port: &dyn ChainPort, outcome: &TxOutcome) -> Result<()> {
    for _ in 0..ATTEMPTS {
        match pending::settle(state, port, port.heads().await?, outcome).await {
            Err(fault) if super::read::is_overtaken(&fault) => {}
            done => return done,
        }
    }
    Ok(())
}

/// What a person is told whose transaction does not pay.
pub(crate) fn refused(refusal: &Refusal) -> Fault {
    let status = match refusal {
        Refusal::Used => 409,
        Refusal::Unknown => 404,
        _ => 422,
    };
    Problem::new(status, refusal.code(), refusal.title())
        .detail(sentence(&refusal.to_string()))
        .hint(refusal.hint())
        .into()
}

/// What a person is told whose payment was recorded as one that does not count.
pub(crate) fn refused_before(row: &Model) -> Fault {
    let code = row.reason.as_deref().unwrap_or("payment_not_verified");
    let (title, hint) =
        Refusal::describe_code(code).unwrap_or(("The payment does not count", "Ask the seller."));
    Problem::new(422, code, title).detail(row.detail.clone().unwrap_or_default()).hint(hint).into()
}

/// What a person is told whose payment takes its time.
pub(crate) fn not_yet(standing: &Standing) -> Fault {
    let detail = match standing {
        Standing::Pending { paid: Some(_), depth: Some((depth, Some(needed))), .. } => {
            format!("{depth} of {needed} confirmations.")
        }
        Standing::Pending { paid: Some(_), .. } => "It is in a block that is not final yet.".to_owned(),
        Standing::Pending { heard: true, .. } => "It waits to be put into a block.".to_owned(),
        _ => "The chain has not heard of the transaction yet.".to_owned(),
    };
    ApiError::from(
        Problem::new(409, "payment_pending", "The payment is not settled yet")
            .detail(detail)
            .hint("Ask again with the same transaction; nothing has to be paid twice."),
    )
    .retry_after(3)
    .into()
}

/// What a person is told who names a key that is not theirs, as far as the store knows.
pub(crate) fn key_not_proved() -> Fault {
    Problem::new(403, "key_not_proved", "This key is not yours yet")
        .detail("Whoever pays for a key pays for its holder, and the store does not know that you hold it.")
        .hint("Prove it: `POST /api/v1/keys/challenge`, then `POST /api/v1/keys`. The shop and the CLI do so by themselves.")
        .into()
}

/// The row that says what became of it, if there is one.
async fn recorded(state: &AppState, asking: &Asking<'_>, named: &Named<'_>) -> Result<Option<Model>> {
    let db = state.db.read();
    let rows = payments::of_tx(db, &super::source(asking.port().terms()), named.tx).await?;
    let mut found: Option<Model> = None;
    for row in rows {
        let settled = match row.state.as_str() {
            "seen" | "dropped" => false,
            // It gave nothing before, and is judged anew.
            "undone" => row.purchase.is_some(),
            _ => true,
        };
        if !settled || row.listing.as_deref() != Some(&named.listing.id) || !is_for(db, named, &row).await? {
            continue;
        }
        // Of several, the one that gave something.
        if found.as_ref().is_none_or(|found| found.state != "settled") {
            found = Some(row);
        }
    }
    Ok(found)
}

async fn is_for(db: &impl ConnectionTrait, named: &Named<'_>, row: &Model) -> Result<bool> {
    match (row.key()?, &named.key) {
        (Some(paid), Some(wanted)) => Ok(paid == *wanted),
        (Some(paid), None) => is_mine(db, named, &paid).await,
        (None, _) => Ok(false),
    }
}

async fn is_mine(db: &impl ConnectionTrait, named: &Named<'_>, key: &BuyerKey) -> Result<bool> {
    let (Some(account), Ok(device)) = (named.account, key.to_device()) else { return Ok(false) };
    Ok(payments::linked_account(db, &device).await?.as_ref() == Some(account))
}

/// The purchase that somebody means, of those of a transaction.
async fn choose<'a>(
    db: &impl ConnectionTrait,
    named: &Named<'_>,
    purchases: &'a [ChainPurchase],
) -> Result<&'a ChainPurchase> {
    let mut refusal = Refusal::WrongContract;
    for paid in purchases {
        if refusal == Refusal::WrongContract {
            refusal = Refusal::WrongListing;
        }
        let release = payments::release_of(db, paid.item).await?;
        if release.is_none_or(|release| release.listing != named.listing.id) {
            continue;
        }
        refusal = Refusal::WrongKey;
        let meant = match &named.key {
            Some(key) => paid.buyer_key == *key,
            None => is_mine(db, named, &paid.buyer_key).await?,
        };
        if meant {
            return Ok(paid);
        }
    }
    // Without a name for the key, it is the account that does not hold it.
    Err(if refusal == Refusal::WrongKey && named.key.is_none() {
        key_not_proved()
    } else {
        refused(&refusal)
    })
}
