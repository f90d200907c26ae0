//! `publish`.

mod plugin;

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use sealpost_api::catalogue::{Listing, NewListing, NewRelease, Price, Release, VaultKey};
use sealpost_envelope::ContentCipher;
use sealpost_market::{Money, Version};
use serde::Serialize;

use crate::{
    client::Client,
    connection::{Connection, id, listing_name, plugin_id},
    failure::{Exit, Failure, Result},
    output::{answer, facts, say, short_size},
    seal::SealedFile,
    upload,
};

const PLUGIN_HELP: &str = "\
Example of a plugin; with another version in the manifest, the same command adds a release to the
listing that it made before:
  sealpost publisher-key new --out publisher.key
  sealpost publish viewer.wasm --plugin-id org.example.viewer --manifest manifest.json \\
    --signing-key-file publisher.key --devices 3 --price 4.99 --currency EUR";

#[derive(Args, Debug)]
#[command(
    group = ArgGroup::new("target").required(true).multiple(true).args(["listing", "title", "plugin_id"]),
    group = ArgGroup::new("new").multiple(true).args(["title", "plugin_id"]),
    after_help = PLUGIN_HELP
)]
pub(crate) struct PublishArgs {
    /// Sliced G-code, or a plugin (.wasm)
    file: PathBuf,
    /// Listing of yours to add the file to
    #[arg(long, value_name = "ID", value_parser = listing_name, conflicts_with = "new")]
    listing: Option<String>,
    /// Version of the file [default: the manifest's; 1.0.0, or the newest and one more]
    #[arg(long)]
    version: Option<Version>,

    /// Your name for the plugin, such as org.example.viewer; its listing is made where there is none
    #[arg(long, value_name = "ID", value_parser = plugin_id, help_heading = "Plugin")]
    plugin_id: Option<String>,
    /// JSON object with name, version, permissions, functions
    #[arg(long, value_name = "FILE", help_heading = "Plugin")]
    manifest: Option<PathBuf>,
    /// Sign it with this key (`-`: standard input); a new listing then takes nothing else
    #[arg(long, value_name = "FILE", help_heading = "Plugin")]
    signing_key_file: Option<PathBuf>,
    /// Devices one purchase grants [default: 1]
    #[arg(long, value_name = "N", requires = "plugin_id", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Plugin")]
    devices: Option<u32>,

    /// Make a listing with this title [default: the manifest's name]
    #[arg(long, help_heading = "New listing")]
    title: Option<String>,
    /// Longer text people see
    #[arg(long, requires = "new", help_heading = "New listing")]
    description: Option<String>,
    /// Id of the listing [default: made by the store]
    #[arg(long, requires = "new", value_parser = id, help_heading = "New listing")]
    id: Option<String>,
    /// Price of one purchase, such as 4.99 [default: free]
    #[arg(
        allow_negative_numbers = true,long, value_name = "AMOUNT", requires_all = ["new", "currency"], help_heading = "New listing")]
    price: Option<String>,
    /// Currency of the price, such as EUR
    #[arg(long, value_name = "CODE", requires = "price", help_heading = "New listing")]
    currency: Option<String>,
    /// Prints one purchase grants [default: 1]
    #[arg(long, value_name = "N", requires = "new", value_parser = clap::value_parser!(u32).range(1..), help_heading = "New listing")]
    prints: Option<u32>,
    /// Failed prints given back to the buyer [default: 1]
    #[arg(long, value_name = "N", requires = "new", help_heading = "New listing")]
    free_retries: Option<u32>,
    /// Print the sealed file as it is, with one new key package a job, instead of sealing anew for each job
    #[arg(long, requires = "new", help_heading = "New listing")]
    seal_once: bool,

    /// Seal on this machine: the file itself never travels
    #[arg(long, help_heading = "Sealing")]
    seal_here: bool,
    /// Cipher to seal G-code with; aes-256-cbc is for printers with LMNT's plugin
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
    let published = match plugin::is_one(&args)? {
        true => plugin::publish(&args, price).await?,
        false => gcode(&args, price).await?,
    };
    answer(args.connection.json, &published, describe);
    Ok(())
}

async fn gcode(args: &PublishArgs, price: Option<Price>) -> Result<Published> {
    let plain = upload::check(&args.file)?;
    let client = Client::signed_in(&args.connection)?;

    let (listing, is_new) = match &args.listing {
        Some(id) => (fetch_listing(&client, id).await?, false),
        None => (make_listing(&client, args, price).await?, true),
    };
    if listing.kind != "gcode" {
        let sentence = format!("{} is a plugin, and {} is G-code", listing.id, args.file.display());
        return Err(Failure::new("wrong_kind", sentence)
            .hint("give the plugin's .wasm file, or another listing with --listing"));
    }
    let version = match &args.version {
        Some(version) => version.clone(),
        None => next_version(&listing.releases)?,
    };
    check_version(&listing, &version)?;
    let mut new =
        NewRelease { listing: listing.id.clone(), version: version.to_string(), ..NewRelease::default() };

    let sent = if args.seal_here {
        let vault = vault_key(&client).await?;
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
    published(&client, &new, sent, is_new).await
}

/// The answer to an upload, with the listing as it is now.
async fn published(
    client: &Client,
    new: &NewRelease,
    sent: Result<Release>,
    is_new: bool,
) -> Result<Published> {
    let release = match sent {
        Ok(release) => release,
        Err(failure) => settle(client, new, failure, is_new).await?,
    };
    Ok(Published { listing: fetch_listing(client, &new.listing).await?, release })
}

async fn vault_key(client: &Client) -> Result<VaultKey> {
    client.get(&["api", "v1", "vault-key"], &[]).await
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

fn check_version(listing: &Listing, version: &Version) -> Result<()> {
    let mut taken = listing.releases.iter().filter_map(|release| release.version.parse::<Version>().ok());
    if !taken.any(|taken| taken == *version) {
        return Ok(());
    }
    let sentence = format!("version {version} of {} is there already", listing.id);
    Err(Failure::new("version_taken", sentence).hint("give another one with --version"))
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
    let plugin = published.listing.plugin.as_ref();
    facts([
        ("Listing", Some(published.listing.id.clone())),
        ("Plugin", plugin.map(|plugin| plugin.plugin_id.clone())),
        ("Release", Some(release.id.clone())),
        ("Version", Some(release.version.clone())),
        ("Cipher", Some(release.cipher.clone())),
        ("Size", Some(short_size(release.plain_size))),
        ("SHA-256", release.plain_sha256.clone()),
        ("CID", release.cid.clone()),
        ("Signed by", release.publisher_key.clone()),
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
