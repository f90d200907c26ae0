//! What a seller says of a new listing, checked.

use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, SqlErr};
use sealpost_accounts::UserAuth;
use sealpost_api::Problem;
use sealpost_api::catalogue::{ListingChanges, NewListing, PluginTerms, Price};
use sealpost_envelope::keyset;
use sealpost_market::{self as market, ListingKind, ListingState, PluginId, Terms};

use crate::fault::{Fault, Result};
use crate::schema::listing;
use crate::schema::value::{from_price, named};
use crate::state::AppState;
use crate::{limits, random};

/// Seconds of a day.
pub(crate) const DAY_S: u32 = 86_400;

/// The row of a new listing.
pub(crate) fn to_row(state: &AppState, user: &UserAuth, new: &NewListing) -> Result<listing::Model> {
    let id = match &new.id {
        Some(id) => market::ListingId::parse(id).map_err(|error| limits::invalid("id", error))?,
        None => market::ListingId::generate(&random::bytes()?),
    };
    let kind = new.kind.as_deref().map_or(Ok(ListingKind::Gcode), kind)?;
    let (terms, plugin) = terms(kind, new)?;
    let (price_amount, price_currency) = from_price(&price(new.price.as_ref())?);
    Ok(listing::Model {
        id: id.into(),
        publisher: user.id().to_string(),
        publisher_name: user.0.username.clone(),
        kind: kind.as_str().to_owned(),
        state: first_state(new.state.as_deref())?.as_str().to_owned(),
        title: limits::title(&new.title)?,
        description: limits::description(&new.description)?,
        price_amount,
        price_currency,
        terms: serde_json::to_string(&terms)?,
        created_at: state.clock.now_ms(),
        row_version: 1,
        plugin_id: plugin.map(plugin_id).transpose()?.map(String::from),
        publisher_key: plugin.and_then(|plugin| plugin.publisher_key.as_deref()).map(key).transpose()?,
        payout: None,
        words: String::new(),
        materials: None,
        sold: 0,
        stars: 0,
        reviews: 0,
        rating_rank: 0,
        price_rank: 0,
    }
    .shelved())
}

/// Refuses a listing whose id or plugin id already leads to another one: either serves wherever a listing is named.
pub(crate) async fn check_names(db: &impl ConnectionTrait, row: &listing::Model) -> Result<()> {
    for name in [Some(&row.id), row.plugin_id.as_ref()].into_iter().flatten() {
        let same = Condition::any().add(listing::Column::Id.eq(name)).add(listing::Column::PluginId.eq(name));
        if listing::Entity::find().filter(same).one(db).await?.is_some() {
            return Err(if Some(name) == row.plugin_id.as_ref() { plugin_taken(name) } else { taken(name) });
        }
    }
    Ok(())
}

/// A kind by its name.
pub(crate) fn kind(name: &str) -> Result<ListingKind> {
    named(name).map_err(|_| limits::invalid("kind", "it is `gcode` or `plugin`"))
}

/// What a listing begins as.
fn first_state(state: Option<&str>) -> Result<ListingState> {
    match state.map_or(Ok(ListingState::Listed), named) {
        Ok(state) if state != ListingState::Suspended => Ok(state),
        _ => Err(limits::invalid("state", "it begins as `listed`, `unlisted` or `draft`")),
    }
}

/// The terms of later purchases, as its publisher changes them.
pub(crate) fn change_terms(row: &mut listing::Model, changes: &ListingChanges) -> Result<()> {
    let mut terms: Terms = serde_json::from_str(&row.terms)?;
    let plugin = row.plugin_id.is_some();
    if let Some(prints) = changes.prints {
        terms.prints = if plugin { limits::devices(prints)? } else { limits::prints(prints)? };
    }
    if let Some(retries) = changes.free_retries {
        gcode_alone(plugin, "free_retries")?;
        terms.free_retries = limits::retries(retries)?;
    }
    if let Some(seal_once) = changes.seal_once {
        gcode_alone(plugin, "seal_once")?;
        terms.seal_once = seal_once;
    }
    terms.free_updates = changes.free_updates.unwrap_or(terms.free_updates);
    match changes.valid_days {
        Some(0) => terms.valid_seconds = None,
        Some(days) => terms.valid_seconds = Some(limits::valid_days(days)? * DAY_S),
        None => {}
    }
    row.terms = serde_json::to_string(&terms)?;
    Ok(())
}

fn gcode_alone(plugin: bool, field: &str) -> Result<()> {
    if plugin { Err(limits::invalid(field, "a plugin is not printed")) } else { Ok(()) }
}

pub(crate) fn price(price: Option<&Price>) -> Result<market::Price> {
    let Some(price) = price else { return Ok(market::Price::Free) };
    let money = market::Money::parse(&price.amount, &price.currency)
        .map_err(|error| limits::invalid("price", error))?;
    Ok(if money.amount == 0 { market::Price::Free } else { market::Price::Fixed(money) })
}

/// A new publisher key for a listing that can have one.
pub(crate) fn key_of(row: &listing::Model, text: &str) -> Result<String> {
    if row.plugin_id.is_none() {
        return Err(limits::invalid("publisher_key", "only plugins have one"));
    }
    key(text)
}

/// Why the database did not take a new row: somebody else made one of that name at the same time.
pub(crate) fn not_inserted(error: DbErr, row: &listing::Model) -> Fault {
    match (error.sql_err(), &row.plugin_id) {
        // PostgreSQL names the index.
        (Some(SqlErr::UniqueConstraintViolation(what)), Some(name)) if what.contains("listings_plugin") => {
            plugin_taken(name)
        }
        (Some(SqlErr::UniqueConstraintViolation(_)), _) => taken(&row.id),
        _ => error.into(),
    }
}

fn taken(id: &str) -> Fault {
    Problem::new(409, "id_taken", "The id is taken")
        .detail(format!("There is a listing that is called {id}."))
        .hint("Choose another id, or leave it out.")
        .into()
}

fn plugin_taken(id: &str) -> Fault {
    Problem::new(409, "plugin_id_taken", "The plugin id is taken")
        .detail(format!("There is a listing that is called {id}."))
        .hint("Publish a new version to that listing if it is yours; or begin the id with a domain of yours, such as org.example.viewer.")
        .into()
}

fn terms(kind: ListingKind, new: &NewListing) -> Result<(Terms, Option<&PluginTerms>)> {
    let common = Terms {
        free_updates: new.free_updates.unwrap_or(true),
        valid_seconds: new.valid_days.map(limits::valid_days).transpose()?.map(|days| days * DAY_S),
        ..Terms::default()
    };
    match (kind, &new.plugin) {
        (ListingKind::Gcode, None) => {
            let terms = Terms {
                prints: limits::prints(new.prints.unwrap_or(1))?,
                free_retries: limits::retries(new.free_retries.unwrap_or(1))?,
                seal_once: new.seal_once,
                ..common
            };
            Ok((terms, None))
        }
        (ListingKind::Gcode, Some(_)) => {
            Err(limits::invalid("plugin", "it belongs to listings of kind `plugin`"))
        }
        (ListingKind::Plugin, None) => Err(limits::invalid("plugin", "a plugin needs its `plugin_id`")),
        (ListingKind::Plugin, Some(plugin)) => {
            for (field, given) in [
                ("prints", new.prints.is_some()),
                ("free_retries", new.free_retries.is_some()),
                ("seal_once", new.seal_once),
            ] {
                if given {
                    return Err(limits::invalid(field, "a plugin is not printed; it has `plugin.devices`"));
                }
            }
            let terms = Terms { prints: limits::devices(plugin.devices)?, free_retries: 0, ..common };
            Ok((terms, Some(plugin)))
        }
    }
}

fn plugin_id(plugin: &PluginTerms) -> Result<PluginId> {
    PluginId::parse(&plugin.plugin_id).map_err(|error| limits::invalid("plugin.plugin_id", error))
}

fn key(text: &str) -> Result<String> {
    let lower = text.to_ascii_lowercase();
    keyset::public_key_from_hex(&lower)
        .map_err(|_| limits::invalid("publisher_key", "it is an Ed25519 key: 32 bytes, 64 hex digits"))?;
    Ok(lower)
}
