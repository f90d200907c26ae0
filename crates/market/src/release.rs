//! Versions of a listing's file.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Fact, ListingId, Party, ReleaseId, RuleError};

/// Why a text is no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version looks like 1.4.2 or 2.0.0-rc.1 and has at most 64 characters")]
pub struct VersionError;

/// A version by <https://semver.org>; a missing minor or patch number reads as 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, example = "1.4.2"))]
pub struct Version(semver::Version);

/// Whether a release is given to those who name no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ReleaseState {
    /// Given.
    Active,
    /// Taken back by its publisher; only for those who bought it and name it: what was paid stays obtainable.
    Yanked,
}

/// One version of a listing's file: one content key, one cipher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its identifier.
    pub id: ReleaseId,
    /// Of what.
    pub listing: ListingId,
    /// Which version.
    pub version: Version,
    /// Whether it is given.
    pub state: ReleaseState,
}

/// The release a job takes: the one named, or the newest active one that the licence covers.
///
/// `covered` is the newest version the licence covers; `None` covers all. Pre-releases are taken only by name.
///
/// # Errors
/// [`RuleError::NoRelease`] when nothing fits, [`RuleError::ReleaseNotCovered`] when only newer versions do.
pub fn pick_release<'a>(
    releases: &'a [Release],
    covered: Option<&Version>,
    wanted: Option<&Version>,
) -> Result<&'a Release, RuleError> {
    let is_covered = |release: &Release| covered.is_none_or(|newest| release.version <= *newest);
    let found = match wanted {
        Some(version) => releases.iter().find(|r| r.version == *version),
        None => {
            let offered =
                || releases.iter().filter(|r| r.state == ReleaseState::Active && !r.version.is_prerelease());
            offered()
                .filter(|r| is_covered(r))
                .max_by_key(|r| &r.version)
                .or_else(|| offered().max_by_key(|r| &r.version))
        }
    };
    let release = found.ok_or(RuleError::NoRelease)?;
    match covered {
        Some(newest) if !is_covered(release) => Err(RuleError::ReleaseNotCovered(newest.clone())),
        _ => Ok(release),
    }
}

impl Release {
    /// Takes it back, or gives it again.
    ///
    /// # Errors
    /// [`RuleError::NotAllowed`] unless the publisher or an operator asks.
    pub fn change_state(mut self, to: ReleaseState, by: Party) -> Result<(Self, Vec<Fact>), RuleError> {
        if !matches!(by, Party::Publisher | Party::Operator) {
            return Err(RuleError::NotAllowed("the publisher or an operator"));
        }
        let mut facts = Vec::new();
        if self.state != to {
            facts.push(Fact::ReleaseStateChanged { release: self.id.clone(), from: self.state, to, by });
            self.state = to;
        }
        Ok((self, facts))
    }
}

impl Version {
    /// Whether it is a pre-release such as `2.0.0-rc.1`.
    #[must_use]
    pub fn is_prerelease(&self) -> bool {
        !self.0.pre.is_empty()
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text.len() > 64 {
            return Err(VersionError);
        }
        let end = text.find(['-', '+']).unwrap_or(text.len());
        let (numbers, rest) = text.split_at(end);
        let missing = match numbers.split('.').count() {
            1 => ".0.0",
            2 => ".0",
            _ => "",
        };
        semver::Version::parse(&format!("{numbers}{missing}{rest}")).map(Self).map_err(|_| VersionError)
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;
    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0.to_string()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
