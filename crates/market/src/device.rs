//! Devices of a plugin licence: each is one public key that content keys are wrapped for.

use serde::{Deserialize, Serialize};

use crate::{
    DeviceId, Fact, Licence, ListingKind, Release, ReleaseId, ReleaseState, RuleError, Timestamp, Version,
    pick_release,
};

/// A public key in its one canonical text, so that equal texts mean the same key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeviceKey {
    /// Name of its curve.
    pub curve: String,
    /// Lower hex of its canonical bytes.
    pub public_key: String,
}

/// A device that a licence counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its identifier.
    pub id: DeviceId,
    /// What it opens envelopes with.
    pub key: DeviceKey,
}

/// A device and the licence that counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The licence.
    pub licence: Licence,
    /// The device: the one asked for, or the known one with the same key.
    pub device: Device,
    /// Whether it is new and was counted.
    pub fresh: bool,
    /// What to write to the audit log.
    pub facts: Vec<Fact>,
}

impl Licence {
    /// Counts one more device, once for each key. `known` are all devices of this licence.
    ///
    /// # Errors
    /// [`RuleError::NoDevices`] on a licence for prints, those of [`Licence::check_active`], and
    /// [`RuleError::DeviceLimit`] when a new key finds no place.
    pub fn register_device(
        mut self,
        known: &[Device],
        device: Device,
        now: Timestamp,
    ) -> Result<Registration, RuleError> {
        self.check_devices()?;
        self.check_active(now)?;
        if let Some(same) = known.iter().find(|other| other.key == device.key) {
            return Ok(Registration { device: same.clone(), licence: self, fresh: false, facts: Vec::new() });
        }
        // Whichever is more counts: a key that is out is out, whatever the books say.
        let taken = self.used.max(u32::try_from(known.len()).unwrap_or(u32::MAX));
        if taken >= self.allowed {
            return Err(RuleError::DeviceLimit { allowed: self.allowed });
        }
        self.used = taken + 1;
        let facts = vec![Fact::DeviceRegistered {
            licence: self.id.clone(),
            device: device.id.clone(),
            curve: device.key.curve.clone(),
        }];
        Ok(Registration { licence: self, device, fresh: true, facts })
    }

    /// Notes that the key of `release` is wrapped for one of its devices.
    ///
    /// # Errors
    /// [`RuleError::NoDevices`] on a licence for prints, and those of [`Licence::check_active`].
    pub fn wrap_key(
        mut self,
        device: &Device,
        release: &Release,
        now: Timestamp,
    ) -> Result<(Self, Vec<Fact>), RuleError> {
        self.check_devices()?;
        self.check_active(now)?;
        if let Some(newest) = self.covers.as_ref().filter(|newest| release.version > **newest) {
            return Err(RuleError::ReleaseNotCovered(newest.clone()));
        }
        self.keys_released = self.keys_released.saturating_add(1);
        let fact = Fact::KeyWrapped {
            licence: self.id.clone(),
            device: device.id.clone(),
            release: release.id.clone(),
        };
        Ok((self, vec![fact]))
    }

    /// The release a device is given: the one it names, or the newest active one that the licence covers. `had` says
    /// whether the licence was given a release before; only then is one that was taken back given by name.
    ///
    /// # Errors
    /// [`RuleError::NoDevices`], [`RuleError::NoRelease`], [`RuleError::ReleaseYanked`] and
    /// [`RuleError::ReleaseNotCovered`].
    pub fn pick_plugin<'a>(
        &self,
        releases: &'a [Release],
        wanted: Option<&Version>,
        had: impl Fn(&ReleaseId) -> bool,
    ) -> Result<&'a Release, RuleError> {
        self.check_devices()?;
        let yanked = |release: &&Release| release.state == ReleaseState::Yanked;
        match pick_release(releases, self.covers.as_ref(), wanted) {
            Ok(release) if yanked(&release) && !had(&release.id) => {
                Err(RuleError::ReleaseYanked(release.version.clone()))
            }
            Err(RuleError::NoRelease) if wanted.is_none() => {
                let newest = releases.iter().filter(yanked).max_by_key(|release| &release.version);
                Err(newest.map_or(RuleError::NoRelease, |r| RuleError::ReleaseYanked(r.version.clone())))
            }
            picked => picked,
        }
    }

    fn check_devices(&self) -> Result<(), RuleError> {
        if self.kind == ListingKind::Plugin { Ok(()) } else { Err(RuleError::NoDevices) }
    }
}
