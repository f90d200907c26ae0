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
    /// Only listings whose title holds this text.
    #[serde(default)]
    pub(crate) q: Option<String>,
    /// `next` of the page before.
    #[serde(default)]
    pub(crate) after: Option<String>,
    /// Rows, 1 to 200 (default 50).
    #[serde(default)]
    #[param(maximum = 65535)]
    pub(crate) limit: Option<u16>,
}
