//! Parameters of lists of sales.

use sea_orm::{ColumnTrait, Condition};
use sealpost_database::clock::parse_rfc3339;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::fault::Result;
use crate::limits;
use crate::schema::purchase;

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SalesQuery {
    /// Of this listing alone.
    #[serde(default)]
    pub(super) listing: Option<String>,
    /// `pending`, `paid`, `undone`, `refunded`, `failed`, `cancelled` or `declined`.
    #[serde(default)]
    pub(super) state: Option<String>,
    /// `free`, `voucher`, `marked_paid`, `webhook` or `chain`.
    #[serde(default)]
    pub(super) method: Option<String>,
    /// Begun then or later, RFC 3339.
    #[serde(default)]
    pub(super) from: Option<String>,
    /// Begun before, RFC 3339.
    #[serde(default)]
    pub(super) to: Option<String>,
    /// Operators: of all sellers.
    #[serde(default)]
    pub(super) everybody: bool,
    /// `next` of the page before.
    #[serde(default)]
    pub(super) after: Option<String>,
    /// Rows, 1 to 200 (default 50).
    #[serde(default)]
    #[param(maximum = 65535)]
    pub(super) limit: Option<u16>,
}

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SummaryQuery {
    /// Days up to today, 1 to 366 (default 30).
    #[serde(default)]
    #[param(maximum = 65535)]
    pub(super) days: Option<u16>,
    /// Of this listing alone.
    #[serde(default)]
    pub(super) listing: Option<String>,
    /// Operators: of all sellers.
    #[serde(default)]
    pub(super) everybody: bool,
}

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct InterruptedQuery {
    /// Operators: of all sellers.
    #[serde(default)]
    pub(super) everybody: bool,
}

impl SalesQuery {
    /// What is asked for, beside whose it is.
    pub(super) fn condition(&self) -> Result<Condition> {
        let mut all = Condition::all();
        if let Some(listing) = &self.listing {
            all = all.add(purchase::Column::Listing.eq(listing));
        }
        if let Some(state) = &self.state {
            all = all.add(purchase::Column::State.eq(state));
        }
        if let Some(method) = &self.method {
            all = all.add(purchase::Column::Method.eq(method));
        }
        let time = |name: &str, text: &Option<String>| match text {
            Some(text) => {
                let at = parse_rfc3339(text);
                at.map(Some).ok_or_else(|| limits::invalid(name, "it is no RFC 3339 time"))
            }
            None => Ok(None),
        };
        if let Some(from) = time("from", &self.from)? {
            all = all.add(purchase::Column::CreatedAt.gte(from));
        }
        if let Some(to) = time("to", &self.to)? {
            all = all.add(purchase::Column::CreatedAt.lt(to));
        }
        Ok(all)
    }
}
