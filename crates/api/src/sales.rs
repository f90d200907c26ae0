//! What was sold, and what became of it.

use serde::{Deserialize, Serialize};

use crate::catalogue::Price;
use crate::job::Job;

/// `GET /api/v1/sales`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SaleList {
    /// Newest first.
    pub sales: Vec<Sold>,
    /// Value of `?after=` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A purchase of one of your listings.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Sold {
    /// Purchase id.
    pub purchase: String,
    /// Listing id.
    pub listing: String,
    /// The listing's title.
    pub title: String,
    /// `gcode` or `plugin`.
    pub kind: String,
    /// Account id of the buyer.
    pub buyer: String,
    /// What they call themselves; absent for a wallet without an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer_name: Option<String>,
    /// `pending`, `paid`, `undone`, `refunded`, `failed`, `cancelled` or `declined`.
    pub state: String,
    /// `free`, `voucher`, `marked_paid`, `webhook` or `chain`.
    pub method: String,
    /// What it costs; free where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// The store's share, minor units; absent while nothing is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<String>,
    /// What is left of the price, minor units; absent while nothing is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net: Option<String>,
    /// Licence id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// What the payment is called where it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What the buyer wrote with the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What the seller said when they declined it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Prints or devices used of the licence.
    pub used: u32,
    /// Prints or devices it allows.
    pub allowed: u32,
    /// Whether a key of it was ever given out: then a refund is a gift of what was opened.
    pub key_released: bool,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded_at: Option<String>,
}

/// `GET /api/v1/sales/summary`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SalesSummary {
    /// First day, `2026-01-31`; days are those of UTC.
    pub from: String,
    /// Last day.
    pub to: String,
    /// Days on which something was sold or paid back, oldest first.
    pub days: Vec<SalesDay>,
    /// Their sums, by currency.
    pub totals: Vec<SalesSum>,
    /// Paid purchases without money: free ones and vouchers.
    pub without_money: u64,
    /// Purchases that wait for their payment, whenever they began.
    pub waiting: u64,
    /// Prints that wait for a decision, whenever they began.
    pub interrupted: u64,
    /// How prints ended, by listing; those with the most first.
    pub prints: Vec<PrintOutcomes>,
}

/// What was sold on one day.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SalesDay {
    /// `2026-01-31`.
    pub day: String,
    /// Purchases that were paid, free ones and vouchers too.
    pub count: u64,
    /// Money, by currency.
    pub sums: Vec<SalesSum>,
}

/// Money of one currency; amounts are minor units in decimal.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SalesSum {
    /// Its code.
    pub currency: String,
    /// Decimals of its minor unit: how to write an amount.
    pub decimals: u32,
    /// Purchases that were paid.
    pub count: u64,
    /// What buyers paid.
    pub gross: String,
    /// The store's share of what was not paid back.
    pub fee: String,
    /// Purchases that were paid back.
    pub refunds: u64,
    /// What was paid back.
    pub refunded: String,
    /// `gross` less `fee` and `refunded`; may be negative.
    pub net: String,
}

/// How prints of a listing ended.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PrintOutcomes {
    /// Listing id.
    pub listing: String,
    /// The listing's title.
    pub title: String,
    /// Printed.
    pub success: u64,
    /// Failed.
    pub failure: u64,
    /// Cancelled by somebody.
    pub cancelled: u64,
    /// Never claimed by a printer.
    pub expired: u64,
    /// Nobody knows.
    pub interrupted: u64,
    /// Hundredths of a millimetre of filament that printers counted.
    pub filament_mm_x100: u64,
    /// Seconds that printers printed.
    pub print_s: u64,
}

/// `GET /api/v1/sales/interrupted`: prints that wait for the seller's decision.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct InterruptedList {
    /// Longest waiting first; at most 200.
    pub jobs: Vec<Interrupted>,
}

/// A print that waits for a decision.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Interrupted {
    /// The print; its `message` is what its printer or the store said last.
    pub job: Job,
    /// What the buyer calls themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer_name: Option<String>,
    /// Whether the printer said that it began to print.
    pub started: bool,
    /// Whether the store was restored from a backup meanwhile, and the printer has not been heard of since.
    pub restored: bool,
    /// What comes of each decision.
    pub choices: Vec<Choice>,
}

/// What comes of a decision.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Choice {
    /// `success`, `failure` or `cancelled`: value of `outcome` for `POST /api/v1/jobs/{id}/resolve`.
    pub outcome: String,
    /// Whether the print is gone from the licence.
    pub counts: bool,
    /// Whether a free retry is used up to give it back.
    pub free_retry: bool,
    /// Prints the buyer has then.
    pub prints_left: u32,
    /// Free retries the buyer has then.
    pub free_retries_left: u32,
}
