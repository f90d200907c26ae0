//! `listings`, `yank`.

use clap::Args;
use sealpost_api::catalogue::{Listing, ListingPage, Preview, Price, Release};
use sealpost_market::Money;

use crate::{
    client::Client,
    connection::{Connection, id, listing_name},
    failure::Result,
    output::{Table, answer, facts, short_date, short_duration, short_size},
    pages,
};

#[derive(Args, Debug)]
pub(crate) struct ListingsArgs {
    /// Show this one with its releases: its id, or a plugin's
    #[arg(value_parser = listing_name)]
    listing: Option<String>,
    /// Only those whose title holds this text
    #[arg(long, value_name = "TEXT", conflicts_with = "listing")]
    search: Option<String>,
    /// Only G-code, or only plugins
    #[arg(long, value_parser = ["gcode", "plugin"], conflicts_with = "listing")]
    kind: Option<String>,
    /// Only your own
    #[arg(long, conflicts_with = "listing")]
    mine: bool,
    /// How many to show, newest first
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct YankArgs {
    /// Release to take back
    #[arg(value_parser = id)]
    release: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

pub(crate) async fn listings(args: ListingsArgs) -> Result<()> {
    let client = Client::open(&args.connection)?;
    if let Some(id) = &args.listing {
        let listing: Listing = client.get(&["api", "v1", "listings", id], &[]).await?;
        answer(args.connection.json, &listing, describe);
        return Ok(());
    }
    let mine = if args.mine { Some(client.user_id()?.to_owned()) } else { None };
    let filters: Vec<_> =
        [("publisher", mine.as_deref()), ("q", args.search.as_deref()), ("kind", args.kind.as_deref())]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
    let mut page: ListingPage =
        pages::fetch(&client, &["api", "v1", "listings"], &filters, args.limit).await?;
    answer(args.connection.json, &page, table);
    pages::tell_more(&mut page);
    Ok(())
}

pub(crate) async fn yank(args: YankArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    let release: Release =
        client.post(&["api", "v1", "releases", &args.release, "yank"], &serde_json::json!({})).await?;
    answer(args.connection.json, &release, |release| {
        format!(
            "Release {} (version {}) is {}: new prints take another one.",
            release.id, release.version, release.state
        )
    });
    Ok(())
}

/// What something costs, for people.
pub(crate) fn price_text(price: Option<&Price>) -> String {
    match price {
        None => "free".into(),
        Some(price) => match Money::parse(&price.amount, &price.currency) {
            Ok(money) => money.to_string(),
            Err(_) => format!("{} {} (minor units)", price.amount, price.currency),
        },
    }
}

fn table(page: &ListingPage) -> String {
    let mut table = Table::new(["ID", "TITLE", "PRICE", "GRANTS", "VERSION", "SELLER", "SINCE"]);
    for listing in &page.listings {
        let newest = listing.releases.iter().find(|release| release.state == "active");
        table.row([
            listing.id.clone(),
            listing.title.clone(),
            price_text(listing.price.as_ref()),
            grants(listing),
            newest.map_or_else(|| "-".into(), |release| release.version.clone()),
            listing.publisher_name.clone(),
            short_date(&listing.created_at),
        ]);
    }
    table.or("Nothing is offered yet.")
}

/// What one purchase gives.
fn grants(listing: &Listing) -> String {
    let what = match (listing.kind.as_str(), listing.prints) {
        ("plugin", 1) => "device",
        ("plugin", _) => "devices",
        (_, 1) => "print",
        _ => "prints",
    };
    format!("{} {what}", listing.prints)
}

fn describe(listing: &Listing) -> String {
    let retries = match listing.free_retries {
        _ if listing.kind == "plugin" => None,
        0 => Some("failed prints count".to_owned()),
        1 => Some("1 failed print is given back".to_owned()),
        n => Some(format!("{n} failed prints are given back")),
    };
    let retries = retries.map(|retries| format!("; {retries}")).unwrap_or_default();
    let plugin = listing.plugin.as_ref();
    let lasts = listing.valid_days.map(|days| format!("{days} days"));
    let mut text = facts([
        ("Listing", Some(listing.id.clone())),
        ("Plugin", plugin.map(|plugin| plugin.plugin_id.clone())),
        ("Title", Some(listing.title.clone())),
        ("Price", Some(price_text(listing.price.as_ref()))),
        ("Grants", Some(format!("{} for each purchase{retries}", grants(listing)))),
        ("Lasts", lasts),
        ("Updates", (!listing.free_updates).then(|| "later versions are bought anew".to_owned())),
        ("Seller", Some(listing.publisher_name.clone())),
        ("Signed by", plugin.and_then(|plugin| plugin.publisher_key.clone())),
        ("State", (listing.state != "listed").then(|| listing.state.clone())),
        ("Since", Some(short_date(&listing.created_at))),
        ("About", (!listing.description.is_empty()).then(|| listing.description.clone())),
    ]);
    let mut table = Table::new(["RELEASE", "VERSION", "STATE", "CIPHER", "SIZE", "FILE", "DATE"]);
    for release in &listing.releases {
        table.row([
            release.id.clone(),
            release.version.clone(),
            release.state.clone(),
            release.cipher.clone(),
            short_size(release.plain_size),
            release.preview.as_ref().map_or_else(|| plugin_text(release), preview_text),
            short_date(&release.created_at),
        ]);
    }
    text.push('\n');
    text.push_str(&table.or("No release yet."));
    text
}

/// What a plugin's manifest asks for.
fn plugin_text(release: &Release) -> String {
    let asked = release.manifest.as_ref().and_then(|manifest| manifest.get("permissions"));
    let asked = asked.and_then(serde_json::Value::as_array).map(|asked| {
        let asked: Vec<_> = asked.iter().filter_map(serde_json::Value::as_str).collect();
        if asked.is_empty() {
            "asks for nothing".to_owned()
        } else {
            format!("asks for {}", asked.join(", "))
        }
    });
    let signed = release.signature.as_ref().map(|_| "signed".to_owned());
    [asked, signed].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn preview_text(preview: &Preview) -> String {
    let facts = [
        preview.estimated_time_s.map(short_duration),
        preview.layers.map(|layers| format!("{layers} layers")),
        preview
            .filament_mm_x100
            .map(|filament| format!("{}.{:02} m", filament / 100_000, filament / 1000 % 100)),
        preview.filament_type.clone(),
        preview.printer.as_ref().map(|printer| format!("for {printer}")),
        preview.nozzle_mm_x1000.map(|nozzle| format!("nozzle {} mm", f64::from(nozzle) / 1000.0)),
    ];
    facts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_shown_in_major_units() {
        let price = |amount: &str, currency: &str| Price { amount: amount.into(), currency: currency.into() };
        assert_eq!(price_text(None), "free");
        assert_eq!(price_text(Some(&price("499", "EUR"))), "4.99 EUR");
        assert_eq!(price_text(Some(&price("499", "JPY"))), "499 JPY");
    }

    #[test]
    fn a_preview_names_what_is_known() {
        let preview = Preview {
            estimated_time_s: Some(3900),
            filament_mm_x100: Some(123_456),
            filament_type: Some("PLA".into()),
            printer: Some("MK4".into()),
            nozzle_mm_x1000: Some(400),
            ..Preview::default()
        };
        assert_eq!(preview_text(&preview), "1h 05m, 1.23 m, PLA, for MK4, nozzle 0.4 mm");
    }
}
