//! `publish`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use sealpost_api::catalogue::{Listing, NewListing, NewRelease, Price, Release, VaultKey};
use sealpost_envelope::ContentCipher;
use sealpost_market::{Money, Version};
use serde::Serialize;

use crate::{
    client::Client,
    connection::{Connection, id},
    failure::{Exit, Failure, Result},
    output::{answer, facts, say, short_size},
    seal::SealedFile,
    upload,
};

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("target").required(true).args(["listing", "title"]))]
pub(crate) struct PublishArgs {
    /// Sliced G-code
    file: PathBuf,
    /// Listing of yours to add the file to
    #[arg(long, value_name = "ID", value_parser = id)]
    listing: Option<String>,
    /// Version of the file [default: 1.0.0, or the newest and one more]
    #[arg(long)]
    version: Option<Version>,

    /// Make a listing with this title
    #[arg(long, help_heading = "New listing")]
    title: Option<String>,
    /// Longer text people see
    #[arg(long, requires = "title", help_heading = "New listing")]
    description: Option<String>,
    /// Id of the listing [default: made by the store]
    #[arg(long, requires = "title", value_parser = id, help_heading = "New listing")]
    id: Option<String>,
    /// Price of one purchase, such as 4.99 [default: free]
    #[arg(
        allow_negative_numbers = true,long, value_name = "AMOUNT", requires_all = ["title", "currency"], help_heading = "New listing")]
    price: Option<String>,
    /// Currency of the price, such as EUR
    #[arg(long, value_name = "CODE", requires = "price", help_heading = "New listing")]
    currency: Option<String>,
    /// Prints one purchase grants [default: 1]
    #[arg(long, value_name = "N", requires = "title", value_parser = clap::value_parser!(u32).range(1..), help_heading = "New listing")]
    prints: Option<u32>,
    /// Failed prints given back to the buyer [default: 1]
    #[arg(long, value_name = "N", requires = "title", help_heading = "New listing")]
    free_retries: Option<u32>,
    /// Print the sealed file as it is, with one new key package a job, instead of sealing anew for each job
    #[arg(long, requires = "title", help_heading = "New listing")]
    seal_once: bool,

    /// Seal on this machine: the file itself never travels
    #[arg(long, help_heading = "Sealing")]
    seal_here: bool,
    /// Cipher to seal with; aes-256-cbc is for printers with LMNT's plugin
    #[arg(long, default_value = "age", requires = "seal_here", help_heading = "Sealing")]
    cipher: Cipher,

    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Cipher {
    #[value(name = "age")]
    Age,
    #[value(name = "aes-256-cbc")]
    Aes256Cbc,
}

/// What was published.
#[derive(Serialize)]
struct Published {
    listing: Listing,
    release: Release,
}

pub(crate) async fn publish(args: PublishArgs) -> Result<()> {
    let price = price(&args)?;
    let plain = upload::check(&args.file)?;
    let client = Client::signed_in(&args.connection)?;

    let (listing, is_new) = match &args.listing {
        Some(id) => (fetch_listing(&client, id).await?, false),
        None => (make_listing(&client, &args, price).await?, true),
    };
    let version = match &args.version {
        Some(version) => version.clone(),
        None => next_version(&listing.releases)?,
    };
    if version_is_taken(&listing, &version) {
        let sentence = format!("version {version} of {} is there already", listing.id);
        return Err(Failure::new("version_taken", sentence).hint("give another one with --version"));
    }
    let mut new =
        NewRelease { listing: listing.id.clone(), version: version.to_string(), ..NewRelease::default() };

    let sent = if args.seal_here {
        let vault: VaultKey = client.get(&["api", "v1", "vault-key"], &[]).await?;
        let cipher = match args.cipher {
            Cipher::Age => ContentCipher::Age,
            Cipher::Aes256Cbc => ContentCipher::Aes256Cbc,
        };
        let sealed = SealedFile::new(&args.file, plain, cipher, &vault)?;
        new.sealed = Some(sealed.upload().clone());
        upload::send_sealed(&client, &new, sealed).await
    } else {
        upload::send_plain(&client, &new, &args.file, plain.size).await
    };
    let release = match sent {
        Ok(release) => release,
        Err(failure) => settle(&client, &new, failure, is_new).await?,
    };
    let published = Published { listing: fetch_listing(&client, &listing.id).await?, release };
    answer(args.connection.json, &published, describe);
    Ok(())
}

async fn fetch_listing(client: &Client, id: &str) -> Result<Listing> {
    client.get(&["api", "v1", "listings", id], &[]).await
}

async fn make_listing(client: &Client, args: &PublishArgs, price: Option<Price>) -> Result<Listing> {
    let request = NewListing {
        id: args.id.clone(),
        title: args.title.clone().unwrap_or_default(),
        description: args.description.clone().unwrap_or_default(),
        price,
        prints: args.prints,
        free_retries: args.free_retries,
        seal_once: args.seal_once,
        ..NewListing::default()
    };
    client.post(&["api", "v1", "listings"], &request).await
}

/// An upload whose answer was lost may have arrived: the version was free before, so when it is there, it is ours.
async fn settle(client: &Client, new: &NewRelease, failure: Failure, is_new: bool) -> Result<Release> {
    if failure.is(Exit::Unreachable)
        && let Ok(listing) = fetch_listing(client, &new.listing).await
        && let Some(release) = listing.releases.into_iter().find(|release| release.version == new.version)
    {
        return Ok(release);
    }
    let failure = match failure.is(Exit::Unreachable) {
        true => failure.hint(format!(
            "before you send it again, see whether it arrived: sealpost listings {}",
            new.listing
        )),
        false => failure,
    };
    if is_new {
        say!(
            "sealpost: listing {} was made but holds no file yet; go on with `sealpost publish FILE --listing {}`",
            new.listing,
            new.listing
        );
    }
    Err(failure)
}

fn price(args: &PublishArgs) -> Result<Option<Price>> {
    let (Some(amount), Some(currency)) = (&args.price, &args.currency) else { return Ok(None) };
    let money: Money = format!("{amount} {currency}").parse().map_err(|_| {
        Failure::usage("bad_price", format!("{amount} {currency} is no price"))
            .hint("write it such as --price 4.99 --currency EUR, with the decimals that currency has")
    })?;
    Ok(Some(Price { amount: money.amount_text(), currency: money.currency.to_string() }))
}

fn version_is_taken(listing: &Listing, version: &Version) -> bool {
    listing
        .releases
        .iter()
        .any(|release| release.version.parse().is_ok_and(|taken: Version| taken == *version))
}

/// The newest version with one more at the end.
fn next_version(releases: &[Release]) -> Result<Version> {
    let newest = releases.iter().filter_map(|release| release.version.parse::<Version>().ok()).max();
    let next = match &newest {
        None => Some("1".to_owned()),
        Some(newest) => {
            let text = newest.to_string();
            let numbers = text.split_once('+').map_or(text.as_str(), |(numbers, _)| numbers);
            numbers
                .rsplit_once('.')
                .and_then(|(front, patch)| Some(format!("{front}.{}", patch.parse::<u64>().ok()? + 1)))
        }
    };
    match next
        .and_then(|next| next.parse().ok())
        .filter(|_| !newest.as_ref().is_some_and(Version::is_prerelease))
    {
        Some(next) => Ok(next),
        None => {
            let newest = newest.map_or_else(|| "?".to_owned(), |version| version.to_string());
            Err(Failure::usage("which_version", format!("which version comes after {newest}?"))
                .hint("say it with --version"))
        }
    }
}

fn describe(published: &Published) -> String {
    let release = &published.release;
    facts([
        ("Listing", Some(published.listing.id.clone())),
        ("Release", Some(release.id.clone())),
        ("Version", Some(release.version.clone())),
        ("Cipher", Some(release.cipher.clone())),
        ("Size", Some(short_size(release.plain_size))),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(version: &str) -> Release {
        serde_json::from_value(serde_json::json!({
            "id": "r", "listing": "l", "version": version, "state": "active", "cipher": "age", "plain_size": 1,
            "blob_size": 1, "blob_sha256": "", "preview": {}, "created_at": ""
        }))
        .unwrap()
    }

    #[test]
    fn versions_count_up_where_that_has_a_meaning() {
        let next = |taken: &[&str]| {
            let releases: Vec<_> = taken.iter().map(|version| release(version)).collect();
            next_version(&releases).map(|version| version.to_string())
        };
        assert_eq!(next(&[]).unwrap(), "1.0.0");
        assert_eq!(next(&["1.0.9", "1.0.10"]).unwrap(), "1.0.11");
        assert_eq!(next(&["2.1.0+build.7"]).unwrap(), "2.1.1");
        assert_eq!(next(&["2.0.0-rc.1", "1.0.0"]).unwrap_err().code(), "which_version");
    }
}
