//! Parameters of the list of jobs.

use sea_orm::{ColumnTrait, Condition};
use sealpost_market::JobState;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::schema::job;

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only jobs of this printer.
    #[serde(default)]
    pub(crate) printer: Option<String>,
    /// Only jobs of this listing.
    #[serde(default)]
    pub(crate) listing: Option<String>,
    /// Only jobs that stand so.
    #[serde(default)]
    #[param(inline)]
    pub(crate) state: Option<Standing>,
    /// As what you see them: what you print (as where nothing is said), or what others print of what you publish.
    #[serde(default)]
    #[param(inline)]
    pub(crate) role: Role,
    /// `next` of the page before.
    #[serde(default)]
    pub(crate) after: Option<String>,
    /// Rows, 1 to 200 (default 50).
    #[serde(default)]
    #[param(maximum = 65535)]
    pub(crate) limit: Option<u16>,
}

/// How jobs stand.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// Waits, or is under way.
    Open,
    /// Has come to its end.
    Ended,
    /// Nobody knows how it went.
    Interrupted,
}

/// As what somebody sees jobs.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    #[default]
    Buyer,
    Publisher,
}

impl ListQuery {
    /// Those of this person that are asked for.
    pub(crate) fn condition(&self, me: &str) -> Condition {
        let whose = match self.role {
            Role::Buyer => job::Column::Owner.eq(me),
            Role::Publisher => job::Column::Publisher.eq(me),
        };
        Condition::all()
            .add(whose)
            .add_option(self.printer.as_ref().map(|printer| job::Column::Printer.eq(printer)))
            .add_option(self.listing.as_ref().map(|listing| job::Column::Listing.eq(listing)))
            .add_option(self.state.map(|standing| {
                let states = JobState::ALL.into_iter().filter(|state| standing.has(*state));
                job::Column::State.is_in(states.map(JobState::as_str))
            }))
    }
}

impl Standing {
    fn has(self, state: JobState) -> bool {
        match self {
            Self::Open => !state.is_final() && state != JobState::Interrupted,
            Self::Ended => state.is_final(),
            Self::Interrupted => state == JobState::Interrupted,
        }
    }
}
