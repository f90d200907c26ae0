use semver::{Version, VersionReq};

use crate::domain;

use super::{Licence, PlkError};

/// Seconds a licence may seem to come from the future: clocks differ.
pub const LEEWAY: u64 = 120;

/// The use a licence is to allow.
#[derive(Debug, Clone, Copy)]
pub struct Usage<'a> {
    /// The plugin that is to run.
    pub plugin_id: &'a str,
    /// Its version, if it is known. A licence for some versions allows no unknown one.
    pub plugin_version: Option<&'a str>,
    /// The domain it is to run on, in any spelling; none outside of browsers. A licence for domains then allows nothing.
    pub domain: Option<&'a str>,
    /// How many other devices use the licence already.
    pub activations: u32,
    /// The time, in Unix seconds.
    pub now: u64,
}

impl Usage<'_> {
    pub(super) fn check(&self, licence: &Licence) -> Result<(), PlkError> {
        self.check_dates(licence)?;
        if licence.plugin_id != self.plugin_id {
            return Err(PlkError::WrongPlugin);
        }
        let allowed = &licence.plugin_version;
        if !allowed.is_empty() && !self.plugin_version.is_some_and(|version| allows(allowed, version)) {
            return Err(PlkError::WrongVersion);
        }
        self.check_domain(licence)?;
        let max = licence.max_activations;
        if max != 0 && self.activations >= max {
            return Err(PlkError::Activations { max });
        }
        Ok(())
    }

    fn check_dates(&self, licence: &Licence) -> Result<(), PlkError> {
        let Licence { issued_at, valid_from, expires_at, .. } = *licence;
        let now = self.now;
        if issued_at > now.saturating_add(LEEWAY) {
            return Err(PlkError::FromTheFuture { issued_at, now });
        }
        // A licence valid at once must not be refused by the clock that its issue is excused to.
        let skew = if valid_from <= issued_at { LEEWAY } else { 0 };
        if valid_from > now.saturating_add(skew) {
            return Err(PlkError::NotYetValid { valid_from, now });
        }
        if expires_at != 0 && now >= expires_at {
            return Err(PlkError::Expired { expires_at, now });
        }
        Ok(())
    }

    fn check_domain(&self, licence: &Licence) -> Result<(), PlkError> {
        let Licence { allowed_domains, allowed_tlds, .. } = licence;
        if allowed_domains.is_empty() && allowed_tlds.is_empty() {
            return Ok(());
        }
        let domain = domain::normalise(self.domain.ok_or(PlkError::WrongDomain)?)?;
        // Another issuer may have signed another spelling.
        let same = |allowed: &String| domain::normalise(allowed).is_ok_and(|allowed| allowed == domain);
        let below = |tld: &String| {
            domain::normalise(tld.strip_prefix('.').unwrap_or(tld)).is_ok_and(|tld| is_below(&domain, &tld))
        };
        if allowed_domains.iter().any(same) || allowed_tlds.iter().any(below) {
            Ok(())
        } else {
            Err(PlkError::WrongDomain)
        }
    }
}

/// A range needs an operator, a wildcard or a comma: `1.2.3` alone is that version and no later one.
fn allows(allowed: &str, version: &str) -> bool {
    if allowed == version {
        return true;
    }
    let range = VersionReq::parse(allowed).ok().filter(|_| Version::parse(allowed).is_err());
    range.zip(Version::parse(version).ok()).is_some_and(|(range, version)| range.matches(&version))
}

fn is_below(domain: &str, tld: &str) -> bool {
    domain.strip_suffix(tld).and_then(|rest| rest.strip_suffix('.')).is_some_and(|rest| !rest.is_empty())
}
