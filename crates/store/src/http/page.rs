//! Lists in pages, newest first.

use sea_orm::{ColumnTrait, Condition};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::fault::{Fault, Result};

/// Rows of a page where nothing is said.
const DEFAULT: u64 = 50;
/// Rows of a page at most.
const MOST: u64 = 200;

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// `next` of the page before.
    #[serde(default)]
    pub(crate) after: Option<String>,
    /// Rows, 1 to 200 (default 50).
    #[serde(default)]
    #[param(maximum = 65535)]
    pub(crate) limit: Option<u16>,
}

impl PageQuery {
    pub(crate) fn limit(&self) -> u64 {
        self.limit.map_or(DEFAULT, u64::from).clamp(1, MOST)
    }

    /// The last row of the page before: when it was made, and its id.
    pub(crate) fn place(&self) -> Result<Option<(i64, String)>> {
        let Some(after) = &self.after else { return Ok(None) };
        let place =
            after.split_once('.').and_then(|(at, last)| Some((at.parse::<i64>().ok()?, last.to_owned())));
        place.map(Some).ok_or_else(|| {
            Fault::invalid("`after` is not from an earlier page.", "Send `next` of the page before.")
        })
    }

    /// Rows older than the last one of the page before.
    pub(crate) fn condition(&self, created_at: impl ColumnTrait, id: impl ColumnTrait) -> Result<Condition> {
        let Some((at, last)) = self.place()? else { return Ok(Condition::all()) };
        let same_time = Condition::all().add(created_at.eq(at)).add(id.lt(last));
        Ok(Condition::any().add(created_at.lt(at)).add(same_time))
    }

    /// Cuts the row that was read in excess, and says how to go on behind the last one kept.
    pub(crate) fn cut<T>(&self, rows: &mut Vec<T>, place: impl Fn(&T) -> (i64, &str)) -> Option<String> {
        let limit = usize::try_from(self.limit()).unwrap_or(usize::MAX);
        if rows.len() <= limit {
            return None;
        }
        rows.truncate(limit);
        rows.last().map(|row| {
            let (at, id) = place(row);
            format!("{at}.{id}")
        })
    }
}
