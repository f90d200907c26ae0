//! How purchases are paid: the port, and what is built in.

use sealpost_api::purchase::Payment;
use sealpost_market::PaymentMethod;

/// A way of paying that the store does not take.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PaymentRefused(pub String);

/// What a store's payments say to a purchase before anything is written.
///
/// The rules decide the rest: free purchases and vouchers are paid at once, all others wait for somebody who says that the
/// money is there.
#[async_trait::async_trait]
pub trait Payments: Send + Sync {
    /// The method by which `payment` pays for the listing of this id, which may not exist.
    async fn method(&self, listing: &str, payment: &Payment) -> Result<PaymentMethod, PaymentRefused>;
}

/// Free listings, vouchers, and sellers or payment providers who say that the money arrived.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuiltIn;

#[async_trait::async_trait]
impl Payments for BuiltIn {
    async fn method(&self, _listing: &str, payment: &Payment) -> Result<PaymentMethod, PaymentRefused> {
        Ok(match payment {
            Payment::Free => PaymentMethod::Free,
            Payment::MarkedPaid => PaymentMethod::MarkedPaid,
            Payment::External { .. } => PaymentMethod::Webhook,
            Payment::Voucher { .. } => PaymentMethod::Voucher,
            // Where there is one, its transactions are looked at instead.
            Payment::Chain { .. } => {
                return Err(PaymentRefused("This store is connected to no chain".to_owned()));
            }
        })
    }
}
