//! `chain deliver` and `chain envelope`: envelopes of purchases as events of the contract.

use std::path::PathBuf;

use clap::Args;
use sealpost_api::{
    catalogue::Listing,
    marketplace::{MarketplacePurchase, MarketplacePurchased},
};
use sealpost_envelope::{
    ecdh::{Curve, Envelope, Recipient},
    eme,
};
use sealpost_market::chain::{BuyerKey, ChainHash, ChainPurchase, ContractCall, item_id};
use sealpost_wallet::GAP;
use serde_json::json;

use super::{
    buying_key::on_chain,
    contract::Call,
    market::{Market, item, odd},
    options::{Node, Sending},
    refund::paid,
    status::{Subject, look, subject},
};
use crate::{
    client::Client,
    commands::{envelope::read_envelope, wallet::Source},
    connection::{Connection, listing_name},
    failure::{Failure, Result},
    input::{Input, is_dash, one_reader_of_stdin},
    offline::{curve_option, failed, hand_over_json},
    output::{answer, say},
};

/// Longest envelope file; more is a file given by mistake.
const LIMIT: u64 = 64 << 10;

const DELIVER_HELP: &str = "\
The envelope opens with the buyer's key alone, and stays on the chain as long as the chain does: the
buyer reads it with `sealpost chain envelope`, and gets the sealed plugin by its CID, with or
without this store. The seller or the contract's owner can send it.

Example:
  sealpost chain deliver pu_4f";

const ENVELOPE_HELP: &str = "\
Standard output gets the envelope as `sealpost bundle open --envelope` and `sealpost envelope
unwrap` take it. With --contract ADDRESS and a version, no store is needed.

Examples:
  sealpost chain envelope org.example.viewer@1.0.0 > envelope.json
  sealpost chain envelope org.example.viewer --to HEX --curve p256";

#[derive(Args, Debug)]
#[command(after_help = DELIVER_HELP)]
pub(crate) struct DeliverArgs {
    /// Purchase, or the transaction that paid it
    #[arg(value_name = "TX|PURCHASE", value_parser = subject)]
    what: Subject,
    /// Envelope for the buyer, JSON or EME (`-`: standard input) [default: the store makes it]
    #[arg(long, value_name = "FILE")]
    envelope: Option<PathBuf>,
    #[command(flatten)]
    pub(super) sending: Sending,
}

#[derive(Args, Debug)]
#[command(after_help = ENVELOPE_HELP)]
pub(crate) struct EnvelopeArgs {
    /// What was bought: a plugin's id, `@` and the version; the newest version where none is named
    #[arg(value_name = "PLUGIN[@VERSION]")]
    item: String,
    /// Public key that it is for [default: found among the wallet's]
    #[arg(
        long,
        value_name = "HEX",
        conflicts_with_all = ["mnemonic_file", "keystore", "passphrase_file", "bip39_passphrase_file"],
        help_heading = "Device"
    )]
    to: Option<String>,
    /// Curve of the key
    #[arg(long, value_parser = curve_option(), default_value = "secp256k1", help_heading = "Device")]
    curve: Curve,
    #[command(flatten)]
    source: Source,
    /// Block that the contract was deployed in; nothing before it is searched [default: as the store says]
    #[arg(long, value_name = "BLOCK", help_heading = "Chain")]
    from_block: Option<u64>,
    #[command(flatten)]
    node: Node,
    #[command(flatten)]
    pub(super) connection: Connection,
}

pub(crate) async fn deliver(args: DeliverArgs) -> Result<()> {
    let mut readers = vec![("--envelope", args.envelope.as_deref())];
    readers.extend(args.sending.signing.readers());
    one_reader_of_stdin(&readers)?;
    let client = Client::signed_in(&args.sending.connection)?;
    let market = Market::of_store(&client, &args.sending.node).await?;
    let contract = market.connect(&args.sending.node)?;
    let purchase = paid(&client, &contract, &args.what).await?;
    let (plugin_id, text) = plugin_of(&client, &purchase).await?;
    let envelope = match &args.envelope {
        Some(path) => {
            let name = if is_dash(path) { "standard input".to_owned() } else { path.display().to_string() };
            parse(&Input::open(path)?.read_up_to(LIMIT)?, &name)?
        }
        None => wrapped(&client, &plugin_id, &purchase).await?,
    };
    check_recipient(&envelope, &purchase)?;
    let bytes = eme::to_bytes(&envelope, Some(&plugin_id)).map_err(failed)?;
    let signer = args.sending.signing.key.signer()?;
    let what = format!("Publish the envelope of {text} for its buyer: {} bytes, for ever.", bytes.len());
    let key = purchase.buyer_key.clone();
    let call = Call::Market(ContractCall::Deliver { item: purchase.item, key, envelope: bytes });
    let sent = market.send(&contract, &args.sending.signing, &signer, &call, &what).await?;
    let told = json!({ "item_text": text, "item": purchase.item, "tx_hash": sent.tx });
    answer(args.sending.connection.json, &told, |_| {
        format!(
            "Delivered in transaction {}.\nThe buyer reads it with `sealpost chain envelope {text}`.",
            sent.tx
        )
    });
    Ok(())
}

pub(crate) async fn envelope(args: EnvelopeArgs) -> Result<()> {
    one_reader_of_stdin(&args.source.readers())?;
    let mut market = Market::find(&args.connection, &args.node).await?;
    market.info.from_block = args.from_block.unwrap_or(market.info.from_block);
    let contract = market.connect(&args.node)?;
    let (plugin_id, id) = named(&args.connection, &market, &args.item).await?;
    for key in keys(&args)? {
        let Some(bytes) = contract.delivered(id, &key).await? else { continue };
        let record = eme::from_bytes(&bytes).map_err(failed)?;
        if record.plugin_id.as_deref().is_some_and(|named| named != plugin_id) {
            return Err(Failure::new("other_envelope", "the envelope on chain is for another plugin")
                .hint("tell the seller, who can deliver it anew"));
        }
        return hand_over_json(&record.envelope);
    }
    Err(Failure::new("not_delivered", format!("no envelope of {} is on chain for these keys", args.item)).hint(format!(
        "ask the seller for `sealpost chain deliver`, or fetch it from the store: sealpost fetch {plugin_id}"
    )))
}

/// The keys it may be for: the one that is named, or the first of the wallet.
fn keys(args: &EnvelopeArgs) -> Result<Vec<BuyerKey>> {
    if let Some(hex) = &args.to {
        return Ok(vec![on_chain(&Recipient::from_hex(args.curve, hex.trim()).map_err(failed)?)?]);
    }
    let wallet = args.source.wallet()?;
    let keys = (0..GAP).filter_map(|index| wallet.key(args.curve, index).ok());
    keys.map(|key| on_chain(&key.recipient())).collect()
}

/// The plugin's id, and what the contract calls that version of it.
async fn named(connection: &Connection, market: &Market, text: &str) -> Result<(String, ChainHash)> {
    let text = text.trim();
    if let Some((plugin_id, _)) = text.split_once('@') {
        return Ok((plugin_id.to_owned(), item_id(text)));
    }
    let name = listing_name(text).map_err(|why| Failure::usage("usage", why).hint("write PLUGIN@VERSION"))?;
    let client = Client::open(connection)?;
    let listing: Listing = client.get(&["api", "v1", "listings", &name], &[]).await?;
    let (_, item, _) = market.offer(&client, &listing, None).await?;
    let plugin_id = item.text.split_once('@').map(|(plugin_id, _)| plugin_id.to_owned());
    Ok((plugin_id.unwrap_or_default(), item.id))
}

/// Which plugin and version a purchase is of, checked against the item that was paid for.
async fn plugin_of(client: &Client, purchase: &ChainPurchase) -> Result<(String, String)> {
    let found = look(client, &Subject::Tx(purchase.tx)).await?;
    let (Some(listing), Some(version)) = (found.recorded.listing, found.recorded.version) else {
        return Err(Failure::new("payment_unknown", "the store has no listing that this purchase is of")
            .hint("give the envelope yourself, on the store that sold it"));
    };
    let listing: Listing = client.get(&["api", "v1", "listings", &listing], &[]).await?;
    let Some(plugin) = &listing.plugin else {
        return Err(Failure::new(
            "no_plugin",
            format!("{} is no plugin: its keys go to printers, job by job", listing.id),
        )
        .hint("only plugins have envelopes to deliver"));
    };
    let item = item(&listing, &version)?;
    if item.id != purchase.item {
        return Err(odd("calls the purchase by another version than was paid for"));
    }
    Ok((plugin.plugin_id.clone(), item.text))
}

/// The envelope that the store makes for whoever paid.
async fn wrapped(client: &Client, plugin_id: &str, purchase: &ChainPurchase) -> Result<Envelope> {
    let device = purchase.buyer_key.to_device().map_err(|error| {
        Failure::new("payment_key_unusable", error.to_string())
            .hint("nothing can be wrapped for it: give the money back")
    })?;
    let request = MarketplacePurchase {
        buyer_pubkey: device.public_key,
        plugin_id: plugin_id.to_owned(),
        curve: Some(device.curve),
        voucher: None,
        tx_hash: Some(purchase.tx.to_string()),
        version: None,
        index: None,
        name: None,
    };
    say!("Asking the store for the envelope ...");
    // As anybody: it is for whoever paid, and not for the account that is signed in here.
    let anybody = Client::anonymous(client.store().clone())?;
    let answer: MarketplacePurchased = anybody.post(&["api", "marketplace", "purchase"], &request).await?;
    serde_json::from_value(answer.envelope).map_err(|_| odd("answers with an envelope that is none"))
}

/// An envelope as JSON, or as an EME record.
fn parse(content: &[u8], name: &str) -> Result<Envelope> {
    match content.trim_ascii_start().first() {
        Some(b'{') => read_envelope(content, name),
        _ => Ok(eme::from_bytes(content).map_err(failed)?.envelope),
    }
}

/// By curve and salt, which our writers take over the recipient's key.
fn check_recipient(envelope: &Envelope, purchase: &ChainPurchase) -> Result<()> {
    let device = purchase.buyer_key.to_device().ok();
    let recipient = device.and_then(|device| {
        let curve: Curve = device.curve.parse().ok()?;
        Recipient::from_hex(curve, &device.public_key).ok()
    });
    let fits = recipient.is_some_and(|key| key.curve() == envelope.curve && envelope.salt == key.salt());
    if fits {
        return Ok(());
    }
    Err(Failure::new("other_recipient", "the envelope is for another key than was paid for")
        .hint("wrap it for the buyer's key: `sealpost chain sales --json` has it as buyer_key"))
}
