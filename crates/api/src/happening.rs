//! What people can be told about: by webhooks of theirs, and by mail.
//!
//! The shapes are a promise: fields are added, never changed or removed, while [`VERSION`] stays what it is.

use serde::{Deserialize, Serialize};

use crate::catalogue::Price;

/// Of the shapes in this module.
pub const VERSION: u32 = 1;

/// What a webhook carries, by the Standard Webhooks specification's `type`, `timestamp` and `data`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Event {
    /// What happened and to what.
    #[serde(flatten)]
    pub happening: Happening,
    /// When it happened, RFC 3339.
    pub timestamp: String,
    /// Of the shape of `data`: 1.
    pub version: u32,
    /// Of what happened: the same for everybody who is told. A message has an id of its own (`webhook-id`).
    pub id: String,
}

/// What happened, and to what.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", content = "data")]
pub enum Happening {
    /// A purchase is paid, and there is a licence.
    #[serde(rename = "purchase.paid")]
    PurchasePaid(Sale),
    /// A purchase was paid back; its licence gives no key any more.
    #[serde(rename = "purchase.refunded")]
    PurchaseRefunded(Sale),
    /// A buyer called an order off before it was paid.
    #[serde(rename = "purchase.cancelled")]
    PurchaseCancelled(Sale),
    /// A seller did not take an order.
    #[serde(rename = "purchase.declined")]
    PurchaseDeclined(Sale),
    /// A licence was taken away for good, without a refund.
    #[serde(rename = "licence.revoked")]
    LicenceRevoked(Revoked),
    /// A print ended, or never began.
    #[serde(rename = "job.ended")]
    JobEnded(Print),
    /// Nobody knows how a print goes; its seller has to decide unless the printer is heard of again.
    #[serde(rename = "job.interrupted")]
    JobInterrupted(Print),
    /// A print pauses, and waits for somebody at the printer.
    #[serde(rename = "job.paused_needs_someone")]
    JobPaused(Print),
    /// A version was published.
    #[serde(rename = "release.published")]
    ReleasePublished(Published),
    /// A listing was taken off sale by an operator.
    #[serde(rename = "listing.suspended")]
    ListingSuspended(Suspended),
    /// A buyer wrote about what they bought.
    #[serde(rename = "review.written")]
    ReviewWritten(Reviewed),
}

/// A purchase that was paid, paid back, cancelled or declined.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Sale {
    /// Purchase id.
    pub purchase: String,
    /// Listing id.
    pub listing: String,
    /// The listing's title.
    pub title: String,
    /// `gcode` or `plugin`.
    pub kind: String,
    /// Account id of the seller.
    pub seller: String,
    /// Account id of the buyer; of a wallet without an account an id made of its key.
    pub buyer: String,
    /// Licence id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// `free`, `voucher`, `marked_paid`, `webhook` or `chain`.
    pub method: String,
    /// What it cost; free where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// What the seller said when they declined it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// A licence that was taken away.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Revoked {
    /// Licence id.
    pub licence: String,
    /// Purchase id.
    pub purchase: String,
    /// Listing id.
    pub listing: String,
    /// The listing's title.
    pub title: String,
    /// Account id of the seller.
    pub seller: String,
    /// Account id of the licence's holder.
    pub holder: String,
}

/// A print on a printer.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Print {
    /// Job id.
    pub job: String,
    /// Licence id.
    pub licence: String,
    /// Purchase id.
    pub purchase: String,
    /// Listing id.
    pub listing: String,
    /// Release id.
    pub release: String,
    /// The listing's title.
    pub title: String,
    /// Account id of the seller.
    pub seller: String,
    /// Account id of the printer's owner.
    pub owner: String,
    /// Printer id.
    pub printer: String,
    /// What its owner calls it.
    pub printer_name: String,
    /// `success`, `failure`, `cancelled` or `expired` once it ended; `interrupted`, `paused`.
    pub state: String,
    /// What the printer or somebody else said about it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether a print that was counted was given back.
    pub free_retry: bool,
    /// 0 to 1000.
    pub progress_permille: u32,
}

/// A version that was published.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Published {
    /// Release id.
    pub release: String,
    /// Semantic version.
    pub version: String,
    /// Listing id.
    pub listing: String,
    /// The listing's title.
    pub title: String,
    /// Account id of the seller.
    pub seller: String,
}

/// A listing that was taken off sale.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Suspended {
    /// Listing id.
    pub listing: String,
    /// The listing's title.
    pub title: String,
    /// Account id of the seller.
    pub seller: String,
    /// Why, as the operator wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A review.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reviewed {
    /// Review id.
    pub review: String,
    /// Listing id.
    pub listing: String,
    /// The listing's title.
    pub title: String,
    /// Account id of the seller.
    pub seller: String,
    /// Account id of whoever wrote it.
    pub author: String,
    /// 1 to 5.
    pub stars: u8,
    /// What they wrote.
    #[serde(default)]
    pub text: String,
}

impl Happening {
    /// All names, in the order of this module.
    pub const KINDS: [&str; 11] = [
        "purchase.paid",
        "purchase.refunded",
        "purchase.cancelled",
        "purchase.declined",
        "licence.revoked",
        "job.ended",
        "job.interrupted",
        "job.paused_needs_someone",
        "release.published",
        "listing.suspended",
        "review.written",
    ];

    /// Its name, as it travels in `type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::PurchasePaid(_) => "purchase.paid",
            Self::PurchaseRefunded(_) => "purchase.refunded",
            Self::PurchaseCancelled(_) => "purchase.cancelled",
            Self::PurchaseDeclined(_) => "purchase.declined",
            Self::LicenceRevoked(_) => "licence.revoked",
            Self::JobEnded(_) => "job.ended",
            Self::JobInterrupted(_) => "job.interrupted",
            Self::JobPaused(_) => "job.paused_needs_someone",
            Self::ReleasePublished(_) => "release.published",
            Self::ListingSuspended(_) => "listing.suspended",
            Self::ReviewWritten(_) => "review.written",
        }
    }

    /// Account id of the seller whose business it is.
    pub fn seller(&self) -> &str {
        match self {
            Self::PurchasePaid(about)
            | Self::PurchaseRefunded(about)
            | Self::PurchaseCancelled(about)
            | Self::PurchaseDeclined(about) => &about.seller,
            Self::LicenceRevoked(about) => &about.seller,
            Self::JobEnded(about) | Self::JobInterrupted(about) | Self::JobPaused(about) => &about.seller,
            Self::ReleasePublished(about) => &about.seller,
            Self::ListingSuspended(about) => &about.seller,
            Self::ReviewWritten(about) => &about.seller,
        }
    }

    /// Account id of the other one whom it concerns: a buyer, a printer's owner, the author of a review.
    pub fn other(&self) -> Option<&str> {
        match self {
            Self::PurchasePaid(about)
            | Self::PurchaseRefunded(about)
            | Self::PurchaseCancelled(about)
            | Self::PurchaseDeclined(about) => Some(&about.buyer),
            Self::LicenceRevoked(about) => Some(&about.holder),
            Self::JobEnded(about) | Self::JobInterrupted(about) | Self::JobPaused(about) => {
                Some(&about.owner)
            }
            Self::ReviewWritten(about) => Some(&about.author),
            Self::ReleasePublished(_) | Self::ListingSuspended(_) => None,
        }
    }

    /// Listing id.
    pub fn listing(&self) -> &str {
        match self {
            Self::PurchasePaid(about)
            | Self::PurchaseRefunded(about)
            | Self::PurchaseCancelled(about)
            | Self::PurchaseDeclined(about) => &about.listing,
            Self::LicenceRevoked(about) => &about.listing,
            Self::JobEnded(about) | Self::JobInterrupted(about) | Self::JobPaused(about) => &about.listing,
            Self::ReleasePublished(about) => &about.listing,
            Self::ListingSuspended(about) => &about.listing,
            Self::ReviewWritten(about) => &about.listing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_travels_under_its_name() {
        let all = [
            Happening::PurchasePaid(Sale::default()),
            Happening::PurchaseRefunded(Sale::default()),
            Happening::PurchaseCancelled(Sale::default()),
            Happening::PurchaseDeclined(Sale::default()),
            Happening::LicenceRevoked(Revoked::default()),
            Happening::JobEnded(Print::default()),
            Happening::JobInterrupted(Print::default()),
            Happening::JobPaused(Print::default()),
            Happening::ReleasePublished(Published::default()),
            Happening::ListingSuspended(Suspended::default()),
            Happening::ReviewWritten(Reviewed::default()),
        ];
        assert_eq!(all.each_ref().map(Happening::kind), Happening::KINDS);
        for happening in all {
            let event = Event {
                happening: happening.clone(),
                timestamp: "2026-01-01T00:00:00Z".to_owned(),
                version: VERSION,
                id: "evt_1".to_owned(),
            };
            let json = serde_json::to_value(&event).unwrap();
            assert_eq!(json["type"], happening.kind());
            assert!(json["data"].is_object(), "{json}");
            assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
        }
    }
}
