//! Parameters of the list of licences.

use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LicenceQuery {
    /// What was sold of this listing of yours (an id, or a plugin's), instead of what you bought.
    #[serde(default)]
    pub(crate) listing: Option<String>,
    /// `next` of the page before, with `listing`.
    #[serde(default)]
    pub(crate) after: Option<String>,
    /// Rows with `listing`, 1 to 200 (default 50).
    #[serde(default)]
    #[param(maximum = 65535)]
    pub(crate) limit: Option<u16>,
}
