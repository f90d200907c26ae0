//! What buyers say of listings.

use serde::{Deserialize, Serialize};

use crate::catalogue::Rating;

/// `PUT /api/v1/listings/{id}/review`: the caller's review, written or written anew.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewReview {
    /// 1 to 5.
    pub stars: u8,
    /// Plain text of at most 5000 characters; may be empty.
    #[serde(default)]
    pub text: String,
}

/// `POST /api/v1/reviews/{id}/answer`: what the publisher says to it, once.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewAnswer {
    /// Plain text of at most 5000 characters.
    pub text: String,
}

/// A review of somebody who bought and used what they review.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Review {
    /// Review id.
    pub id: String,
    /// Listing id.
    pub listing: String,
    /// The author's name.
    pub author_name: String,
    /// 1 to 5.
    pub stars: u8,
    /// Plain text.
    pub text: String,
    /// The newest version when it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether the author has their money back since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refunded: bool,
    /// RFC 3339.
    pub created_at: String,
    /// When it was changed last, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<String>,
    /// What the publisher says to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<ReviewAnswer>,
}

/// What a publisher says to a review.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReviewAnswer {
    /// Plain text.
    pub text: String,
    /// RFC 3339.
    pub created_at: String,
}

/// `GET /api/v1/listings/{id}/reviews`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReviewPage {
    /// Newest first.
    pub reviews: Vec<Review>,
    /// Value of `?after=` for the next page, absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// All together; absent while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    /// How many have one star, two, and so on to five.
    pub stars: [u32; 5],
}

/// `GET /api/v1/listings/{id}/review`: the caller's own.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OwnReview {
    /// What they wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// Whether others see it; not while its payment is undone.
    pub shown: bool,
    /// Whether it can be written or changed.
    pub allowed: bool,
    /// Why not: `review_own_listing`, `review_not_bought` or `review_not_used`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
