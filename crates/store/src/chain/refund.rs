//! The calls by which a seller gives the money of a payment back.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sealpost_api::chain::ChainPayment;
use sealpost_market::chain::{Address, ContractCall, PaymentState, PurchaseReceipt};

use super::port::{ChainBalance, ChainPort};
use super::questions::Asking;
use super::view::{self, View};
use crate::fault::Result;
use crate::schema::chain_payment::Model;
use crate::schema::value::parsed;
use crate::schema::{chain_offer, listing};
use crate::state::AppState;

/// How long after a sale the contract lets its owner give the money back, in milliseconds.
const OWNERS_WINDOW_MS: i64 = 30 * 86_400_000;

/// Adds to a payment what its seller, or the contract's owner, sends to give it back; nothing where the one who asks cannot.
pub(crate) async fn offer(
    state: &AppState,
    view: &View<'_>,
    row: &Model,
    by_operator: bool,
    payment: &mut ChainPayment,
) -> Result<()> {
    let Some(port) = view.port.filter(|_| view.is_current(row)) else { return Ok(()) };
    if !matches!(row.payment_state()?, PaymentState::Settled | PaymentState::Refused) {
        return Ok(());
    }
    let Some((call, receipt)) = prepare(row)? else { return Ok(()) };
    let since = row.block_time.unwrap_or_default().saturating_mul(1000);
    let by_owner = by_operator && state.clock.now_ms() <= since.saturating_add(OWNERS_WINDOW_MS);
    if !by_owner && !paid_to_seller(state, row).await? {
        return Ok(());
    }
    let asking = Asking::by_the_store(state)?;
    // The contract sends back what is too much: where nobody can say what it lacks, all of it goes along.
    let missing = match view.is_silent() {
        true => None,
        false => asking.soon(missing(&asking, &receipt)).await,
    };
    if missing.is_none() {
        view.note_silence();
    }
    let missing = missing.unwrap_or(receipt.amount);
    let mut refund = view::call(port, &call);
    match receipt.token {
        None => refund.value = format!("{missing:#x}"),
        Some(token) if missing > 0 => payment.refund_approve = Some(approve(port, token, missing)),
        Some(_) => {}
    }
    payment.refund = Some(refund);
    Ok(())
}

/// Whether the money of a payment went to an address that its listing is or was sold by.
pub(crate) async fn paid_to_seller(state: &AppState, row: &Model) -> Result<bool> {
    let (Some(listing), Some(publisher)) = (&row.listing, &row.publisher) else { return Ok(false) };
    let db = state.db.read();
    let now = listing::Entity::find_by_id(listing).filter(listing::Column::Payout.eq(publisher));
    if now.one(db).await?.is_some() {
        return Ok(true);
    }
    let before = chain_offer::Entity::find()
        .filter(chain_offer::Column::Listing.eq(listing))
        .filter(chain_offer::Column::Payout.eq(publisher));
    Ok(before.one(db).await?.is_some())
}

fn approve(port: &dyn ChainPort, token: Address, amount: u128) -> sealpost_api::chain::ChainCall {
    view::call(port, &ContractCall::Approve { token, amount })
}

/// The call and the receipt it names; `None` where the chain took no money.
fn prepare(row: &Model) -> Result<Option<(ContractCall, PurchaseReceipt)>> {
    let (Some(item), Some(key), Some(block_time)) = (&row.item, row.key()?, row.block_time) else {
        return Ok(None);
    };
    let (Some(payer), Some(publisher), Some(amount), Some(fee)) =
        (&row.payer, &row.publisher, &row.amount, &row.fee)
    else {
        return Ok(None);
    };
    let receipt = PurchaseReceipt {
        payer: parsed(payer)?,
        publisher: parsed(publisher)?,
        token: row.paid_token()?,
        amount: parsed(amount)?,
        fee: parsed(fee)?,
        paid_at: block_time.unsigned_abs(),
    };
    Ok(Some((ContractCall::Refund { item: parsed(item)?, key, receipt }, receipt)))
}

/// What the contract lacks of a payment: what the publisher withdrew of it, and the platform's share once that was withdrawn.
async fn missing(asking: &Asking<'_>, receipt: &PurchaseReceipt) -> Result<u128> {
    let of = |balances: Vec<ChainBalance>| balances.into_iter().find(|held| held.token == receipt.token);
    // Waiting fees are counted to the treasury, which may sell things itself.
    let own = |held: ChainBalance| held.available.saturating_sub(held.unsettled_fees);
    let publisher = of(asking.balances(receipt.publisher).await?).map_or(0, own);
    let treasury = asking.treasury().await?;
    let fees = of(asking.balances(treasury).await?).map_or(0, |held| held.unsettled_fees);
    Ok(receipt.shortfall(publisher, fees))
}
