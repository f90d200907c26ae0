//! Parameters of the list of jobs.

use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only jobs of this printer.
    #[serde(default)]
    pub(crate) printer: Option<String>,
    /// `next` of the page before.
    #[serde(default)]
    pub(crate) after: Option<String>,
    /// Rows, 1 to 200 (default 50).
    #[serde(default)]
    #[param(maximum = 65535)]
    pub(crate) limit: Option<u16>,
}
