//! Parameters of the routes.

use serde::Deserialize;
use utoipa::IntoParams;

/// Which people.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PeopleQuery {
    /// Only people whose name or address holds this text, or whose id it is.
    #[serde(default)]
    pub(super) q: Option<String>,
    /// Only `operators`, or only the `suspended`.
    #[serde(default)]
    pub(super) show: Option<String>,
    /// `next` of the page before.
    #[serde(default)]
    pub(super) after: Option<String>,
    /// Rows, 1 to 200 (default 50).
    #[serde(default)]
    #[param(maximum = 65535)]
    pub(super) limit: Option<u16>,
}

/// Which listings.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListingsQuery {
    /// Only listings whose title or publisher's name holds this text, or whose id or plugin id it is.
    #[serde(default)]
    pub(super) q: Option<String>,
    /// Only `draft`, `listed`, `unlisted` or `suspended` ones.
    #[serde(default)]
    pub(super) state: Option<String>,
    /// Only listings of this account.
    #[serde(default)]
    pub(super) publisher: Option<String>,
    /// `next` of the page before.
    #[serde(default)]
    pub(super) after: Option<String>,
    /// Rows, 1 to 200 (default 50).
    #[serde(default)]
    #[param(maximum = 65535)]
    pub(super) limit: Option<u16>,
}

/// Which reports.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReportsQuery {
    /// `open` (default), `closed` or `all`.
    #[serde(default)]
    pub(super) state: Option<String>,
    /// Only reports of this listing.
    #[serde(default)]
    pub(super) listing: Option<String>,
    /// `next` of the page before.
    #[serde(default)]
    pub(super) after: Option<String>,
    /// Rows, 1 to 200 (default 50).
    #[serde(default)]
    #[param(maximum = 65535)]
    pub(super) limit: Option<u16>,
}

/// Which entries of the audit log.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LogQuery {
    /// Who did it: a name or address, or `user:<id>`, `printer:<id>`, `system`, `anonymous`.
    #[serde(default)]
    pub(super) who: Option<String>,
    /// What was done, such as `listing.suspended`.
    #[serde(default)]
    pub(super) action: Option<String>,
    /// Text that an entry holds, such as an id or a part of its action.
    #[serde(default)]
    pub(super) q: Option<String>,
    /// From this moment on, RFC 3339.
    #[serde(default)]
    pub(super) since: Option<String>,
    /// Before this moment, RFC 3339.
    #[serde(default)]
    pub(super) until: Option<String>,
    /// `next` of the page before.
    #[serde(default)]
    pub(super) after: Option<i64>,
    /// Entries, 1 to 200 (default 50).
    #[serde(default)]
    #[param(maximum = 65535)]
    pub(super) limit: Option<u16>,
}
