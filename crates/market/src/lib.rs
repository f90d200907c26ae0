#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod audit;
pub mod chain;
mod device;
mod error;
pub mod fee;
mod id;
mod job;
mod licence;
mod listing;
mod money;
mod plugin;
mod purchase;
mod release;
pub mod retry;
mod review;
mod time;
mod voucher;
mod wasm;

pub use audit::Fact;
pub use device::{Device, DeviceKey, Registration};
pub use error::{RuleClass, RuleError};
pub use id::{
    AccountId, DeviceId, ID_RANDOM_BYTES, IdError, JobId, LicenceId, ListingId, Nonce, PrinterId, PurchaseId,
    ReleaseId, ReportId,
};
pub use job::{
    Effect, Job, JobEvent, JobState, LmntOutcome, NewJob, Outcome, Report, ReportStatus, Transition,
    UnknownStatus, apply, create_job,
};
pub use licence::{Licence, LicencePayment, LicenceState};
pub use listing::{Listing, ListingKind, ListingState, Party, Price, Terms};
pub use money::{Currency, Money, MoneyError};
pub use plugin::{PluginId, PluginIdError};
pub use purchase::{
    NewPurchase, PaymentMethod, Purchase, PurchaseEvent, PurchaseState, PurchaseTransition,
    start_chain_purchase, start_purchase,
};
pub use release::{Release, ReleaseState, Version, VersionError, pick_release};
pub use review::{
    Held, REVIEW_TEXT_MAX, ReviewError, Stars, is_refunded, is_shown, may_answer, may_review, rating_rank,
    review_text,
};
pub use time::Timestamp;
pub use voucher::{CODE_RANDOM_BYTES, Redemption, Voucher, VoucherCode, VoucherCodeError};
pub use wasm::{FileStart, NotWasm};
