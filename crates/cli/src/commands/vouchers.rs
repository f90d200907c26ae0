//! `voucher create`.

use clap::{Args, Subcommand};
use sealpost_api::catalogue::{NewVoucher, Voucher};

use crate::{
    client::Client,
    connection::{Connection, listing_name},
    failure::Result,
    output::{answer, counted, say, short_date},
};

#[derive(Debug, Subcommand)]
pub(crate) enum VoucherCommand {
    /// Make a code; it is printed once, alone on standard output
    Create(CreateArgs),
}

#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    /// Listing of yours it pays for
    #[arg(value_parser = listing_name)]
    listing: String,
    /// Prints (devices, for plugins) one use grants [default: what the listing says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    prints: Option<u32>,
    /// How many people can use it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    uses: u32,
    /// Last day it can be used, such as 2030-01-31, or a time such as 2030-01-31T12:00:00Z [default: never]
    #[arg(long, value_name = "DATE", value_parser = expiry)]
    expires: Option<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

pub(crate) async fn create(args: CreateArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    let request = NewVoucher {
        listing: args.listing,
        prints: args.prints,
        uses: Some(args.uses),
        expires_at: args.expires,
        ..NewVoucher::default()
    };
    let voucher: Voucher = client.post(&["api", "v1", "vouchers"], &request).await?;
    if !args.connection.json {
        let until = voucher.expires_at.as_deref().map(|date| format!(" until {}", short_date(date)));
        say!(
            "Voucher for {}: {} a use, {}{}. Whoever has the code can use it; it is not shown again.",
            voucher.listing,
            counted(voucher.prints, "print"),
            counted(voucher.uses_left, "use"),
            until.unwrap_or_default(),
        );
    }
    answer(args.connection.json, &voucher, |voucher| voucher.code.clone());
    Ok(())
}

/// A day ends with its last second (UTC); anything longer is left to the store to read.
fn expiry(text: &str) -> Result<String, &'static str> {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    match shape.as_str() {
        "0000-00-00" => Ok(format!("{text}T23:59:59Z")),
        shape if shape.starts_with("0000-00-00T") => Ok(text.to_owned()),
        _ => Err("a date looks like 2030-01-31, a time like 2030-01-31T12:00:00Z"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_usable_to_its_end() {
        assert_eq!(expiry("2030-01-31").unwrap(), "2030-01-31T23:59:59Z");
        assert_eq!(expiry("2030-01-31T12:00:00+02:00").unwrap(), "2030-01-31T12:00:00+02:00");
        assert!(expiry("tomorrow").is_err());
    }
}
