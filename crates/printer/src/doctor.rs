//! `sealpost-printer doctor`: everything a person can meet, one line each, with what to do.
//!
//! [`gather`] looks at files, processes, the agent, Moonraker and the store; [`judge`] says what that means and touches nothing.

mod facts;
mod gather;
mod judge;

use serde::Serialize;

pub use self::{
    facts::{AgentFacts, Facts, KeyFile, Service},
    gather::gather,
    judge::judge,
};

/// How it stands with one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it shall be.
    Ok,
    /// It works, with less protection or not for long.
    Warn,
    /// It does not work.
    Fail,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at; the same in every version.
    pub code: String,
    /// How it stands.
    pub state: State,
    /// What was found.
    pub text: String,
    /// What to do; empty where nothing is.
    pub hint: String,
}

impl State {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}
