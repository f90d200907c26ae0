//! The store's share of a sale: settled when the sale begins, so that another share is one of later sales alone.

use sealpost_market::{PaymentMethod, Price};

use crate::schema::purchase;
use crate::state::AppState;

const WHOLE: u128 = 10_000;

/// The share of a sale that begins now, basis points. Vouchers and gifts bring the seller nothing to share; on chain the contract takes
/// its own.
pub(crate) fn now(state: &AppState, method: PaymentMethod, price: &Price) -> i32 {
    let is_money = matches!(method, PaymentMethod::MarkedPaid | PaymentMethod::Webhook);
    if is_money && *price != Price::Free { i32::from(state.settings.get().fee_bps) } else { 0 }
}

/// The store's share of a purchase, in minor units of its currency; what does not come to a whole one stays with the seller.
pub(crate) fn of(row: &purchase::Model) -> Option<u128> {
    let share = u128::try_from(row.fee_basis_points).ok().filter(|share| (1..=WHOLE).contains(share))?;
    let amount: u128 = row.price_amount.as_deref()?.parse().ok()?;
    // Apart, because wei times ten thousand may not fit.
    Some(amount / WHOLE * share + amount % WHOLE * share / WHOLE)
}
