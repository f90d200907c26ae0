//! `buy`, `mark-paid`, `licences`.

use std::path::PathBuf;

use clap::Args;
use sealpost_api::{
    catalogue::Listing,
    purchase::{Licence, LicenceList, Payment, PurchaseList, PurchaseRequest, PurchaseResponse},
};

use crate::{
    client::Client,
    commands::listings::price_text,
    connection::{Connection, id},
    failure::Result,
    output::{Table, answer, clean, short_date},
    pages, secret,
};

#[derive(Args, Debug)]
pub(crate) struct BuyArgs {
    /// Listing to buy
    #[arg(value_parser = id)]
    listing: String,
    /// Pay with a voucher; its code is asked for, because arguments can be read by others
    #[arg(long)]
    voucher: bool,
    /// Pay with the voucher whose code is the first line of this file (`-`: standard input)
    #[arg(long, value_name = "FILE", conflicts_with = "voucher")]
    voucher_file: Option<PathBuf>,
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
    #[command(flatten)]
    pub(crate) connection: Connection,
}

pub(crate) async fn buy(args: BuyArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    let mut price = None;
    let payment = match (args.voucher, args.voucher_file.as_deref()) {
        (false, None) => {
            let listing: Listing = client.get(&["api", "v1", "listings", &args.listing], &[]).await?;
            price = listing.price;
            if price.is_some() { Payment::MarkedPaid } else { Payment::Free }
        }
        (_, file) => {
            let code = secret::read("voucher code", file, "--voucher-file")?;
            Payment::Voucher { code: code.trim().to_owned() }
        }
    };
    let request = PurchaseRequest { listing: args.listing, payment, recipient: None };
    let response: PurchaseResponse = client.post(&["api", "v1", "purchases"], &request).await?;
    answer(args.connection.json, &response, |response| match &response.licence {
        Some(licence) => bought(licence),
        None => format!(
            "Ordered: purchase {} of {}, {}.\n\
             Pay the seller and name the purchase; your licence is there once they say that the money arrived.",
            response.purchase.id,
            response.purchase.listing,
            price_text(price.as_ref()),
        ),
    });
    Ok(())
}

pub(crate) async fn mark_paid(args: PurchaseArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    let response: PurchaseResponse =
        client.post(&["api", "v1", "purchases", &args.purchase, "mark-paid"], &serde_json::json!({})).await?;
    answer(args.connection.json, &response, |response| {
        format!("Purchase {} is {}; its buyer can print.", response.purchase.id, response.purchase.state)
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
    let list = fetch_licences(&client).await?;
    answer(args.connection.json, &list, |list| {
        let mut table = Table::new(["LICENCE", "LISTING", "TITLE", "LEFT", "USED", "HELD", "OF", "STATE"]);
        for licence in &list.licences {
            table.row([
                licence.id.clone(),
                licence.listing.clone(),
                licence.title.clone(),
                prints_left(licence).to_string(),
                licence.prints_used.to_string(),
                licence.prints_reserved.to_string(),
                licence.prints_allowed.to_string(),
                licence.state.clone(),
            ]);
        }
        table.or("You have no licences yet: `sealpost listings` shows what there is to buy.")
    });
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

fn bought(licence: &Licence) -> String {
    format!(
        "Bought {}: licence {}, {} print(s).\nPrint it with `sealpost print {}`.",
        clean(&licence.title),
        licence.id,
        licence.prints_allowed,
        licence.id,
    )
}
