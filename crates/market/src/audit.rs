//! What a store writes to its append-only audit log.

use serde::{Deserialize, Serialize};

use crate::chain::{Address, BlockRef, BuyerKey, ChainHash};
use crate::{
    AccountId, DeviceId, JobId, JobState, LicenceId, LicencePayment, LicenceState, ListingId, ListingState,
    Outcome, Party, PaymentMethod, PrinterId, PurchaseId, ReleaseId, ReleaseState, ReportId, ReportStatus,
};

/// One thing that happened. The store adds when, who and its own sequence number. Nothing secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fact")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the identifiers their names say")]
pub enum Fact {
    /// A listing was shown, hidden, suspended or lifted.
    ListingStateChanged { listing: ListingId, from: ListingState, to: ListingState, by: Party },
    /// A release was taken back or given again.
    ReleaseStateChanged { release: ReleaseId, from: ReleaseState, to: ReleaseState, by: Party },
    /// A voucher paid for something.
    VoucherRedeemed { listing: ListingId, uses_left: u32 },
    /// Somebody began to buy.
    PurchaseStarted { purchase: PurchaseId, listing: ListingId, buyer: AccountId, method: PaymentMethod },
    /// A purchase was paid.
    PurchasePaid { purchase: PurchaseId, licence: LicenceId },
    /// A purchase came to nothing.
    PurchaseFailed { purchase: PurchaseId },
    /// Its buyer called a purchase off before it was paid.
    PurchaseCancelled { purchase: PurchaseId },
    /// Its seller did not take an order.
    PurchaseDeclined { purchase: PurchaseId, by: Party },
    /// A purchase was paid back.
    PurchaseRefunded { purchase: PurchaseId, by: Party },
    /// The chain took the payment of a purchase back.
    PurchaseUndone { purchase: PurchaseId },
    /// A purchase whose payment was undone or given back is paid again.
    PurchaseRestored { purchase: PurchaseId },
    /// Somebody named a transaction that may pay for a purchase.
    PaymentNamed { tx: ChainHash, purchase: PurchaseId, key: BuyerKey },
    /// A payment on chain counts.
    PaymentSettled { tx: ChainHash, index: u32, block: BlockRef, purchase: PurchaseId, payer: Address },
    /// A payment on chain does not count.
    PaymentRefused { tx: ChainHash, block: BlockRef, code: String },
    /// A payment is no longer on chain.
    PaymentUndone { tx: ChainHash, block: BlockRef },
    /// The contract gave a payment back.
    PaymentRefunded { tx: ChainHash, refund: ChainHash, by: Address },
    /// A refund is no longer on chain.
    RefundUndone { tx: ChainHash, refund: ChainHash },
    /// Nobody has heard of a transaction for long.
    PaymentDropped { tx: ChainHash },
    /// A licence's payment stands, or stands no more.
    LicencePaymentChanged { licence: LicenceId, from: LicencePayment, to: LicencePayment },
    /// A buyer was given a licence.
    LicenceGranted { licence: LicenceId, listing: ListingId, holder: AccountId, allowed: u32 },
    /// A licence was suspended, lifted or revoked.
    LicenceStateChanged { licence: LicenceId, from: LicenceState, to: LicenceState, by: Party },
    /// A licence counts one more device.
    DeviceRegistered { licence: LicenceId, device: DeviceId, curve: String },
    /// The content key of a release was wrapped for a device.
    KeyWrapped { licence: LicenceId, device: DeviceId, release: ReleaseId },
    /// A print was set aside for a job.
    PrintReserved { licence: LicenceId, job: JobId },
    /// A print was given back; `free_retry` when its key had been released.
    PrintReleased { licence: LicenceId, job: JobId, free_retry: bool },
    /// A print is gone.
    PrintUsed { licence: LicenceId, job: JobId },
    /// A job was made.
    JobCreated { job: JobId, licence: LicenceId, release: ReleaseId, printer: PrinterId },
    /// A job's blob is there.
    JobSealed { job: JobId },
    /// A waiting job's blob was gone; it is sealed anew.
    JobBlobLost { job: JobId },
    /// Somebody asked a printer to end a job.
    StopAsked { job: JobId, by: Party },
    /// A printer was given the key of a job.
    KeyReleased { job: JobId, printer: PrinterId, lease: u64 },
    /// A printer said how a job goes; only changes of state are kept.
    JobReported { job: JobId, lease: u64, report: Option<ReportId>, status: ReportStatus },
    /// Nobody knows how a job goes.
    JobInterrupted { job: JobId, lease: u64 },
    /// A person said how an interrupted job went.
    JobDecided { job: JobId, outcome: Outcome, by: Party },
    /// A job has its final state.
    JobEnded { job: JobId, state: JobState },
}
