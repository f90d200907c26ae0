//! Parameters of the lists of licences and purchases.

use sea_orm::{ColumnTrait, Condition};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::page::PageQuery;
use crate::schema::purchase;

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

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PurchaseQuery {
    /// Of this listing alone.
    #[serde(default)]
    pub(crate) listing: Option<String>,
    /// `pending`, `paid`, `undone`, `refunded`, `failed`, `cancelled` or `declined`.
    #[serde(default)]
    pub(crate) state: Option<String>,
    /// `next` of the page before.
    #[serde(default)]
    pub(crate) after: Option<String>,
    /// Rows, 1 to 200 (default 50).
    #[serde(default)]
    #[param(maximum = 65535)]
    pub(crate) limit: Option<u16>,
}

impl PurchaseQuery {
    /// What is asked for, beside whose it is.
    pub(crate) fn condition(&self) -> Condition {
        Condition::all()
            .add_option(self.listing.as_ref().map(|listing| purchase::Column::Listing.eq(listing)))
            .add_option(self.state.as_ref().map(|state| purchase::Column::State.eq(state)))
    }

    pub(crate) fn page(&self) -> PageQuery {
        PageQuery { after: self.after.clone(), limit: self.limit }
    }
}
