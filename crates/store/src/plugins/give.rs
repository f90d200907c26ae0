//! Giving: a release's content key leaves the vault for one device of a paid licence, once; later the same envelope is given.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter};
use sealpost_database::Tx;
use sealpost_envelope::ecdh;
use sealpost_market::{self as market, Fact, Version};
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
    let rules = releases.iter().map(release::Model::to_market).collect::<Result<Vec<_>>>()?;
    let named = wanted.and_then(|version| rules.iter().find(|release| release.version == *version));
    let had = match named {
        Some(release) if release.state == market::ReleaseState::Yanked => had(db, held, release).await?,
        _ => false,
    };
    let picked = held.to_market()?.pick_plugin(&rules, wanted, |_| had)?;
    let row = releases.iter().find(|row| row.id == picked.id.as_str());
    row.ok_or_else(|| Fault::not_found("release"))
}

/// The newest active release, for a licence that is being made.
pub(crate) fn newest<'a>(
    licence: &market::Licence,
    releases: &'a [release::Model],
) -> Result<&'a release::Model> {
    let rules = releases.iter().map(release::Model::to_market).collect::<Result<Vec<_>>>()?;
    let picked = licence.pick_plugin(&rules, None, |_| false)?;
    let row = releases.iter().find(|row| row.id == picked.id.as_str());
    row.ok_or_else(|| Fault::not_found("release"))
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

/// Whether a version was this licence's before its publisher took it back: bought as the newest, or given to a device.
async fn had(db: &impl ConnectionTrait, held: &licence::Model, release: &market::Release) -> Result<bool> {
    let bought = purchase::Entity::find_by_id(&held.purchase).one(db).await?;
    if bought.and_then(|row| row.version).is_some_and(|version| version == release.version.to_string()) {
        return Ok(true);
    }
    let given = device_key::Entity::find()
        .filter(device_key::Column::Licence.eq(&held.id))
        .filter(device_key::Column::Release.eq(release.id.as_str()));
    Ok(given.count(db).await? > 0)
}
