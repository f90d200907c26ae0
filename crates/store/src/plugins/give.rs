//! Giving: a release's content key leaves the vault for one device of a paid licence, once; later the same envelope is given.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use sealpost_database::Tx;
use sealpost_envelope::ecdh;
use sealpost_market::{self as market, Fact, RuleError, Version};
use serde_json::Value;

use super::recipient;
use crate::fault::{Fault, Result};
use crate::schema::value::to_timestamp;
use crate::schema::{device, device_key, licence, listing, purchase, release};
use crate::state::AppState;
use crate::{random, vault};

/// What a device was given.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) release: release::Model,
    pub(crate) envelope: Value,
}

/// A listing, by its id or its plugin id, with its releases.
pub(crate) async fn offered(
    db: &impl ConnectionTrait,
    name: &str,
) -> Result<(listing::Model, Vec<release::Model>)> {
    let mut found = listing::Entity::find_by_id(name).find_with_related(release::Entity).all(db).await?;
    if found.is_empty() {
        let plugin = listing::Entity::find().filter(listing::Column::PluginId.eq(name));
        found = plugin.find_with_related(release::Entity).all(db).await?;
    }
    found.into_iter().next().ok_or_else(|| Fault::not_found("listing"))
}

/// The release a licence gives: the newest active one it covers, or the one that is named.
pub(crate) async fn pick<'a>(
    db: &impl ConnectionTrait,
    held: &licence::Model,
    releases: &'a [release::Model],
    wanted: Option<&Version>,
) -> Result<&'a release::Model> {
    let licence = held.to_market()?;
    let Some(version) = wanted else { return newest(&licence, releases) };
    let rules = to_market(releases.iter())?;
    let named = rules.iter().find(|release| release.version == *version);
    let had = match named {
        Some(release) if release.state == market::ReleaseState::Yanked => {
            had(db, held).await?.has(release.id.as_str(), &release.version.to_string())
        }
        _ => false,
    };
    row_of(releases, licence.pick_plugin(&rules, wanted, |_| had)?)
}

/// The release for a device that names none. Where nothing is given any more, or only what is not covered, it is the newest
/// that the licence had: what was paid stays obtainable on every device it counts.
pub(crate) async fn pick_for_device<'a>(
    db: &impl ConnectionTrait,
    held: &licence::Model,
    releases: &'a [release::Model],
) -> Result<&'a release::Model> {
    let licence = held.to_market()?;
    let refused = match newest_rule(&licence, releases)? {
        Ok(found) => return row_of(releases, &found),
        Err(refused) => refused,
    };
    if !matches!(
        refused,
        RuleError::NoRelease | RuleError::ReleaseYanked(_) | RuleError::ReleaseNotCovered(_)
    ) {
        return Err(refused.into());
    }
    let had = had(db, held).await?;
    let mine = releases.iter().filter(|row| signed_for(&licence, row) && had.has(&row.id, &row.version));
    match to_market(mine)?.iter().max_by_key(|release| &release.version) {
        Some(release) => row_of(releases, release),
        None => Err(refused.into()),
    }
}

/// The newest active release that the licence covers, signed by the key that it was bought under.
pub(crate) fn newest<'a>(
    licence: &market::Licence,
    releases: &'a [release::Model],
) -> Result<&'a release::Model> {
    row_of(releases, &newest_rule(licence, releases)??)
}

/// The release for a licence that is new: the one that is named, else the newest.
pub(crate) fn first<'a>(
    licence: &market::Licence,
    releases: &'a [release::Model],
    wanted: Option<&Version>,
) -> Result<&'a release::Model> {
    match wanted {
        Some(_) => row_of(releases, licence.pick_plugin(&to_market(releases.iter())?, wanted, |_| false)?),
        None => newest(licence, releases),
    }
}

/// What is sold of a listing: releases that its key of today signed, so that a licence keeps the key of what it gives.
pub(crate) fn for_sale(listing: &listing::Model, releases: Vec<release::Model>) -> Vec<release::Model> {
    releases.into_iter().filter(|row| row.publisher_key == listing.publisher_key).collect()
}

/// What the device was given of this release before.
pub(crate) async fn earlier(
    db: &impl ConnectionTrait,
    device: &device::Model,
    release: &release::Model,
) -> Result<Option<Given>> {
    let key = device_key::Entity::find_by_id((device.id.clone(), release.id.clone())).one(db).await?;
    key.map(|key| Ok(Given { release: release.clone(), envelope: serde_json::from_str(&key.envelope)? }))
        .transpose()
}

/// Wraps the key of a release for a device. The caller saves the licence, which fails when somebody else changed it since: so
/// nobody wraps twice.
pub(crate) async fn wrap(
    state: &AppState,
    tx: &Tx,
    licence: market::Licence,
    listing: &listing::Model,
    device: &device::Model,
    release: &release::Model,
) -> Result<(market::Licence, Vec<Fact>, Given)> {
    let now = state.clock.now_ms();
    let (licence, facts) =
        licence.wrap_key(&device.to_market()?, &release.to_market()?, to_timestamp(now))?;
    let plugin_id = listing.plugin_id.as_deref();
    let plugin_id = plugin_id.ok_or_else(|| Fault::internal("a plugin without a plugin id"))?;
    let dek = vault::open(state, tx, &release.id).await?;
    let envelope =
        ecdh::wrap(&dek, &recipient::of(device)?, plugin_id, &mut random::rng()).map_err(Fault::internal)?;
    let envelope = serde_json::to_value(&envelope)?;
    let key = device_key::Model {
        device: device.id.clone(),
        release: release.id.clone(),
        licence: licence.id.to_string(),
        envelope: envelope.to_string(),
        created_at: now,
    };
    tx.insert_later(key.into_active_model());
    Ok((licence, facts, Given { release: release.clone(), envelope }))
}

/// What was a licence's: the version that it was bought as, and the releases that its devices were given.
struct Had {
    bought: Option<String>,
    given: Vec<String>,
}

impl Had {
    fn has(&self, release: &str, version: &str) -> bool {
        self.bought.as_deref() == Some(version) || self.given.iter().any(|given| given == release)
    }
}

async fn had(db: &impl ConnectionTrait, held: &licence::Model) -> Result<Had> {
    let bought = purchase::Entity::find_by_id(&held.purchase).one(db).await?;
    let given = device_key::Entity::find()
        .select_only()
        .column(device_key::Column::Release)
        .distinct()
        .filter(device_key::Column::Licence.eq(&held.id))
        .into_tuple::<String>();
    Ok(Had { bought: bought.and_then(|row| row.version), given: given.all(db).await? })
}

fn newest_rule(
    licence: &market::Licence,
    releases: &[release::Model],
) -> Result<Result<market::Release, RuleError>> {
    let rules = to_market(releases.iter().filter(|row| signed_for(licence, row)))?;
    Ok(licence.pick_plugin(&rules, None, |_| false).cloned())
}

/// Whether a licence is given this release unasked: buyers trust another key of the publisher only when they say so. Who
/// bought what nobody signed is given what anybody signed.
fn signed_for(licence: &market::Licence, release: &release::Model) -> bool {
    licence.publisher_key.is_none() || release.publisher_key == licence.publisher_key
}

fn to_market<'a>(releases: impl Iterator<Item = &'a release::Model>) -> Result<Vec<market::Release>> {
    releases.map(release::Model::to_market).collect()
}

fn row_of<'a>(releases: &'a [release::Model], picked: &market::Release) -> Result<&'a release::Model> {
    let row = releases.iter().find(|row| row.id == picked.id.as_str());
    row.ok_or_else(|| Fault::not_found("release"))
}
