//! Parameters of the routes.

use serde::Deserialize;
use utoipa::IntoParams;

/// Which entries of the audit log.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// `next` of the page before.
    pub(crate) after: Option<i64>,
    /// Entries, 1 to 200 (default 50).
    #[param(maximum = 65535)]
    pub(crate) limit: Option<u16>,
    /// Who did it: `user:<id>`, `printer:<id>`, `system` or `anonymous`.
    pub(crate) actor: Option<String>,
    /// What it was done to, such as `licence:<id>`.
    pub(crate) subject: Option<String>,
    /// What was done, such as `account.signed_in`.
    pub(crate) action: Option<String>,
}

/// What is unsubscribed from.
#[derive(Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UnsubscribeQuery {
    /// The key of a mail; it changes nothing else.
    pub(crate) key: String,
    /// What it tells: a field of the choices.
    pub(crate) kind: String,
}
