//! Parameters of bundles.

use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BundleQuery {
    /// Device the envelope is for; the only one of the licence where absent.
    #[serde(default)]
    pub(crate) device: Option<String>,
    /// Version; the newest active one that the licence covers where absent.
    #[serde(default)]
    pub(crate) version: Option<String>,
}
