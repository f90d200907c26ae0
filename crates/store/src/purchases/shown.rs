//! What a library shows of licences besides what they allow: pictures, newest versions, whose they are.

use std::collections::HashMap;

use sea_orm::ConnectionTrait;
use sealpost_api::purchase::Licence;
use sealpost_market::{Version, pick_release};

use crate::catalogue::{pictures, releases_of};
use crate::fault::Result;
use crate::schema::{listing, release};

/// Fills in what the listings say.
pub(crate) async fn fill(
    db: &impl ConnectionTrait,
    listings: &HashMap<String, listing::Model>,
    licences: &mut [Licence],
) -> Result<()> {
    let ids: Vec<String> = listings.keys().cloned().collect();
    let pictures = pictures::of(db, &ids).await?;
    let mut releases: HashMap<String, Vec<release::Model>> = HashMap::new();
    for row in releases_of(db, &ids).await? {
        releases.entry(row.listing.clone()).or_default().push(row);
    }
    for licence in licences {
        let versions = releases.get(&licence.listing).map_or(&[][..], Vec::as_slice);
        licence.publisher_name = listings.get(&licence.listing).map(|listing| listing.publisher_name.clone());
        licence.newest = newest(versions, licence.covers.as_deref())?;
        let first = pictures.get(&licence.listing).and_then(|pictures| pictures.first());
        licence.picture = first.map(|picture| picture.small_url.clone()).or_else(|| thumbnail(versions));
    }
    Ok(())
}

/// The version that the licence gives now.
fn newest(releases: &[release::Model], covers: Option<&str>) -> Result<Option<String>> {
    let releases = releases.iter().map(release::Model::to_market).collect::<Result<Vec<_>>>()?;
    let covers = covers.and_then(|version| version.parse::<Version>().ok());
    let picked = pick_release(&releases, covers.as_ref(), None);
    Ok(picked.ok().map(|release| release.version.to_string()))
}

fn thumbnail(releases: &[release::Model]) -> Option<String> {
    let active = releases.iter().find(|row| row.state == "active")?;
    let preview: Option<sealpost_api::catalogue::Preview> =
        serde_json::from_str(&active.preview).ok().flatten();
    preview?.thumbnail_url
}
