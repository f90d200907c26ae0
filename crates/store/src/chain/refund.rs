//! The calls by which a seller gives the money of a payment back.

use sealpost_api::chain::ChainPayment;
use sealpost_market::chain::{Address, ContractCall, PaymentState, PurchaseReceipt};

use super::port::{ChainBalance, ChainPort};
use super::questions::Asking;
use super::view::{self, View};
use crate::fault::Result;
use crate::schema::chain_payment::Model;
use crate::schema::value::parsed;
use crate::state::AppState;

/// Adds to a payment what its publisher, or the contract's owner, sends to give it back; nothing where nothing can be given back.
pub(crate) async fn offer(
    state: &AppState,
    view: &View<'_>,
    row: &Model,
    payment: &mut ChainPayment,
) -> Result<()> {
    let Some(port) = view.port.filter(|_| view.is_current(row)) else { return Ok(()) };
    if !matches!(row.payment_state()?, PaymentState::Settled | PaymentState::Refused) {
        return Ok(());
    }
    let Some((call, receipt)) = prepare(row)? else { return Ok(()) };
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
    let share = receipt.amount.saturating_sub(receipt.fee);
    Ok(share.saturating_sub(publisher) + receipt.fee.saturating_sub(fees))
}
