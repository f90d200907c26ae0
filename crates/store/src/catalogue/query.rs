//! Parameters of the catalogue.

use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only listings of this account.
    #[serde(default)]
    pub(crate) publisher: Option<String>,
    /// Only `gcode` or only `plugin`.
    #[serde(default)]
    pub(crate) kind: Option<String>,
    /// Only listings with all these words in title, description, publisher's name, plugin id or the printer that the current version
    /// is for; case and accents make no difference.
    #[serde(default)]
    pub(crate) q: Option<String>,
    /// Only G-code whose current version prints with this material, as the slicer names it: `PLA`.
    #[serde(default)]
    pub(crate) material: Option<String>,
    /// Only what is free.
    #[serde(default)]
    pub(crate) free: Option<bool>,
    /// Only what costs at most so many minor units of `currency`, or nothing.
    #[serde(default)]
    pub(crate) max_price: Option<String>,
    /// Of `max_price`.
    #[serde(default)]
    pub(crate) currency: Option<String>,
    /// `newest` (default), `popular`, `rating`, `price` (cheapest first, by the number of units whatever the currency) or
    /// `price_down`.
    #[serde(default)]
    pub(crate) sort: Option<String>,
    /// `next` of the page before.
    #[serde(default)]
    pub(crate) after: Option<String>,
    /// Rows, 1 to 200 (default 50).
    #[serde(default)]
    #[param(maximum = 65535)]
    pub(crate) limit: Option<u16>,
}

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PictureQuery {
    /// What the picture shows, in at most 300 characters, for whoever does not see it.
    #[serde(default)]
    pub(crate) alt: Option<String>,
}

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct VoucherQuery {
    /// Listing of yours.
    pub(crate) listing: String,
    /// `next` of the page before.
    #[serde(default)]
    pub(crate) after: Option<String>,
    /// Rows, 1 to 200 (default 50).
    #[serde(default)]
    #[param(maximum = 65535)]
    pub(crate) limit: Option<u16>,
}
