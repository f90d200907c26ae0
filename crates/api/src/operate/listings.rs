//! Listings that operators look at, and what people report of them.

use serde::{Deserialize, Serialize};

/// Why a listing is suspended.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Suspend {
    /// What the person concerned is told: 1 to 500 characters of plain text.
    pub reason: String,
}

/// `GET /api/v1/operator/listings`: one page, the newest first.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OperatorListingPage {
    /// Listings in whatever state.
    pub listings: Vec<OperatorListing>,
    /// `after` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A listing, as operators see it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OperatorListing {
    /// Listing id.
    pub id: String,
    /// Title.
    pub title: String,
    /// `gcode` or `plugin`.
    pub kind: String,
    /// `draft`, `listed`, `unlisted` or `suspended`.
    pub state: String,
    /// Publisher's account id.
    pub publisher: String,
    /// Publisher's name.
    pub publisher_name: String,
    /// RFC 3339.
    pub created_at: String,
    /// Purchases that were paid.
    pub sold: u64,
    /// Reports that nobody has closed.
    pub open_reports: u64,
    /// Why it is suspended, where it is and somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspension: Option<Suspension>,
}

/// `GET /api/v1/listings/{id}/suspension`: for its publisher and operators.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Suspension {
    /// What the publisher is told.
    pub reason: String,
    /// RFC 3339.
    pub since: String,
    /// Whether it was suspended with its publisher's account.
    pub with_publisher: bool,
}

/// `POST /api/v1/listings/{id}/reports`: something is wrong with this listing.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewReport {
    /// `dangerous`, `stolen`, `illegal`, `misleading` or `other`.
    pub reason: String,
    /// More of it, in the reporter's words; at most 2000 characters. Required with `other`.
    #[serde(default)]
    pub words: String,
}

/// `GET /api/v1/operator/reports`: one page, the newest first.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReportPage {
    /// Reports of listings.
    pub reports: Vec<ListingReport>,
    /// `after` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What somebody reported of a listing.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ListingReport {
    /// Names it.
    pub id: String,
    /// Listing id.
    pub listing: String,
    /// Its title now.
    pub title: String,
    /// Its state now.
    pub listing_state: String,
    /// Name of who reported it; absent where the account is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter_name: Option<String>,
    /// Account id of who reported it.
    pub reporter: String,
    /// `dangerous`, `stolen`, `illegal`, `misleading` or `other`.
    pub reason: String,
    /// In the reporter's words.
    pub words: String,
    /// `open` or `closed`.
    pub state: String,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<String>,
    /// What the operator noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// `POST /api/v1/listings/{id}/reports` was taken.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reported {
    /// Names the report.
    pub id: String,
}

/// `POST /api/v1/operator/reports/{id}/close`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CloseReport {
    /// What was done about it, for the operators' eyes; at most 500 characters.
    #[serde(default)]
    pub note: String,
}
