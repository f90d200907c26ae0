//! Parameters of the routes.

use serde::Deserialize;
use utoipa::IntoParams;

/// Which mails.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct MailQuery {
    /// `waiting`, `dead` (where nothing is said) or `sent`.
    pub(super) state: Option<String>,
}
