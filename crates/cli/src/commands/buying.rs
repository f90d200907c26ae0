//! `buy`, `mark-paid`, `licences`.

use std::path::PathBuf;

use clap::Args;
use sealpost_api::{
    catalogue::Listing,
    purchase::{
        Device, Licence, LicenceList, Payment, PurchaseList, PurchaseRequest, PurchaseResponse, Recipient,
    },
};

use crate::{
    client::Client,
    commands::{devices::told, listings::price_text},
    connection::{Connection, id, listing_name},
    failure::{Failure, Result},
    input::one_reader_of_stdin,
    output::{Table, answer, clean, counted, short_date},
    pages,
    recipient::ForDevice,
    secret,
};

const BUY_HELP: &str = "\
A plugin's key is wrapped for a device at once: the next key of your wallet, or the one you name.
`sealpost devices` registers more, as many as the licence allows.

Examples:
  sealpost buy vase                                      prints of a part
  sealpost buy org.example.viewer                        a plugin, for the next key of your wallet
  sealpost buy org.example.viewer --to HEX --curve p256  a plugin, for a key from elsewhere";

#[derive(Args, Debug)]
#[command(after_help = BUY_HELP)]
pub(crate) struct BuyArgs {
    /// Listing to buy, or its plugin's id
    #[arg(value_parser = listing_name)]
    listing: String,
    /// Pay with a voucher; its code is asked for, because arguments can be read by others
    #[arg(long)]
    voucher: bool,
    /// Pay with the voucher whose code is the first line of this file (`-`: standard input)
    #[arg(long, value_name = "FILE", conflicts_with = "voucher")]
    voucher_file: Option<PathBuf>,
    /// Buy a plugin for no device yet
    #[arg(long, help_heading = "Device")]
    no_device: bool,
    #[command(flatten)]
    device: ForDevice,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct PurchasesArgs {
    /// How many to show, newest first
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct PurchaseArgs {
    /// Purchase that is meant
    #[arg(value_parser = id)]
    purchase: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct LicencesArgs {
    /// Show what was sold of this listing of yours instead of what you bought
    #[arg(long, value_name = "ID", value_parser = listing_name)]
    listing: Option<String>,
    /// How many to show of it, newest first
    #[arg(long, default_value_t = 50, value_name = "N", requires = "listing", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

pub(crate) async fn buy(args: BuyArgs) -> Result<()> {
    let mut readers = vec![("--voucher-file", args.voucher_file.as_deref())];
    readers.extend(args.device.readers());
    one_reader_of_stdin(&readers)?;
    let client = Client::signed_in(&args.connection)?;
    let listing: Listing = client.get(&["api", "v1", "listings", &args.listing], &[]).await?;
    let recipient = recipient_of(&client, &listing, &args).await?;
    let payment = match (args.voucher, args.voucher_file.as_deref()) {
        (false, None) if listing.price.is_some() => Payment::MarkedPaid,
        (false, None) => Payment::Free,
        (_, file) => {
            let code = secret::read("voucher code", file, "--voucher-file")?;
            Payment::Voucher { code: code.trim().to_owned() }
        }
    };
    let request = PurchaseRequest { listing: listing.id, payment, recipient, note: None };
    let response: PurchaseResponse = client.post(&["api", "v1", "purchases"], &request).await?;
    answer(args.connection.json, &response, |response| match &response.licence {
        Some(licence) => bought(licence, response.device.as_ref()),
        None => format!(
            "Ordered: purchase {} of {}, {}.\n\
             Pay the seller and name the purchase; your licence is there once they say that the money arrived.",
            response.purchase.id,
            response.purchase.listing,
            price_text(listing.price.as_ref()),
        ),
    });
    Ok(())
}

pub(crate) async fn mark_paid(args: PurchaseArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    let response: PurchaseResponse =
        client.post(&["api", "v1", "purchases", &args.purchase, "mark-paid"], &serde_json::json!({})).await?;
    answer(args.connection.json, &response, |response| {
        let plugin = response.licence.as_ref().is_some_and(|licence| licence.devices.is_some());
        let can = if plugin { "can fetch the plugin" } else { "can print" };
        format!("Purchase {} is {}; its buyer {can}.", response.purchase.id, response.purchase.state)
    });
    Ok(())
}

pub(crate) async fn refund(args: PurchaseArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    let response: PurchaseResponse =
        client.post(&["api", "v1", "purchases", &args.purchase, "refund"], &serde_json::json!({})).await?;
    answer(args.connection.json, &response, |response| {
        format!("Purchase {} is {}.", response.purchase.id, response.purchase.state)
    });
    Ok(())
}

pub(crate) async fn purchases(args: PurchasesArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    let mut list: PurchaseList = pages::fetch(&client, &["api", "v1", "purchases"], &[], args.limit).await?;
    answer(args.connection.json, &list, |list| {
        let mut table = Table::new(["PURCHASE", "LISTING", "PAID BY", "STATE", "DATE"]);
        for purchase in &list.purchases {
            table.row([
                purchase.id.clone(),
                purchase.listing.clone(),
                purchase.method.clone(),
                purchase.state.clone(),
                short_date(&purchase.created_at),
            ]);
        }
        table.or("You have ordered nothing yet.")
    });
    pages::tell_more(&mut list);
    Ok(())
}

pub(crate) async fn licences(args: LicencesArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    if let Some(listing) = &args.listing {
        return sold(&client, listing, &args).await;
    }
    let list = fetch_licences(&client).await?;
    answer(args.connection.json, &list, |list| {
        let mut table =
            Table::new(["LICENCE", "LISTING", "TITLE", "FOR", "LEFT", "USED", "HELD", "OF", "STATE"]);
        for licence in &list.licences {
            let [left, used, held, of] = counts(licence);
            table.row([
                licence.id.clone(),
                licence.plugin_id.clone().unwrap_or_else(|| licence.listing.clone()),
                licence.title.clone(),
                if licence.devices.is_some() { "devices" } else { "prints" }.to_owned(),
                left.to_string(),
                used.to_string(),
                held.to_string(),
                of.to_string(),
                licence.state.clone(),
            ]);
        }
        table.or("You have no licences yet: `sealpost listings` shows what there is to buy.")
    });
    Ok(())
}

async fn sold(client: &Client, listing: &str, args: &LicencesArgs) -> Result<()> {
    let filter = [("listing", listing)];
    let mut list: LicenceList = pages::fetch(client, &["api", "v1", "licences"], &filter, args.limit).await?;
    answer(args.connection.json, &list, |list| {
        let mut table = Table::new(["LICENCE", "PURCHASE", "HOLDER", "USED", "OF", "STATE"]);
        for licence in &list.licences {
            let [_, used, _, of] = counts(licence);
            table.row([
                licence.id.clone(),
                licence.purchase.clone(),
                licence.holder.clone().unwrap_or_default(),
                used.to_string(),
                of.to_string(),
                licence.state.clone(),
            ]);
        }
        table.or("Nobody has bought it yet.")
    });
    pages::tell_more(&mut list);
    Ok(())
}

/// Every licence of the person who is signed in, newest first.
pub(crate) async fn fetch_licences(client: &Client) -> Result<LicenceList> {
    client.get(&["api", "v1", "licences"], &[]).await
}

/// Prints that neither are used nor held by a job.
pub(crate) fn prints_left(licence: &Licence) -> u32 {
    licence.prints_allowed.saturating_sub(licence.prints_used).saturating_sub(licence.prints_reserved)
}

/// What is left, used, held by a job, and allowed.
fn counts(licence: &Licence) -> [u32; 4] {
    match &licence.devices {
        Some(devices) => {
            let used = u32::try_from(devices.len()).unwrap_or(u32::MAX);
            let allowed = licence.devices_allowed.unwrap_or_default();
            [allowed.saturating_sub(used), used, 0, allowed]
        }
        None => [prints_left(licence), licence.prints_used, licence.prints_reserved, licence.prints_allowed],
    }
}

/// The device a plugin is bought for.
async fn recipient_of(client: &Client, listing: &Listing, args: &BuyArgs) -> Result<Option<Recipient>> {
    if listing.kind != "plugin" {
        return match args.device.is_given() || args.no_device {
            true => Err(Failure::usage("no_devices", "this is no plugin: it is printed and has no devices")
                .hint("leave out what describes a device")),
            false => Ok(None),
        };
    }
    match (args.no_device, args.device.is_given()) {
        (true, true) => Err(Failure::usage("device_or_none", "a device is described, and none is wanted")
            .hint("leave out --no-device, or what describes a device")),
        (true, false) => Ok(None),
        (false, _) => {
            let licences = fetch_licences(client).await?.licences;
            args.device.recipient(&licences).map(Some)
        }
    }
}

/// What a person who bought gets to read.
pub(crate) fn bought(licence: &Licence, device: Option<&Device>) -> String {
    if licence.devices.is_some() {
        let [left, _, _, of] = counts(licence);
        let first = device.map(|device| format!("\n{}", told(device))).unwrap_or_default();
        let next = match device {
            Some(_) => format!("Fetch it with `sealpost fetch {}`", licence.id),
            None => format!("Register a device with `sealpost devices {} --add`", licence.id),
        };
        return format!(
            "Bought {}: licence {}, {}, {left} left.{first}\n{next}.",
            clean(&licence.title),
            licence.id,
            counted(of, "device"),
        );
    }
    format!(
        "Bought {}: licence {}, {}.\nPrint it with `sealpost print {}`.",
        clean(&licence.title),
        licence.id,
        counted(licence.prints_allowed, "print"),
        licence.id,
    )
}
