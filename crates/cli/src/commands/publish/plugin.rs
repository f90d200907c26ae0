//! Publishing a plugin: a WASM module, its manifest, and the publisher's signature.

use std::{
    fs::{self, File},
    io::Read as _,
    path::Path,
};

use getrandom::SysRng;
use rand_core::UnwrapErr;
use sealpost_api::catalogue::{Listing, NewListing, NewRelease, PluginTerms, Price, SealedUpload, VaultKey};
use sealpost_envelope::{
    ContentCipher, Dek, Digest, ErrorCode as _, Sealer, SigningKey, cid,
    content::WHOLE_LIMIT,
    ecdh,
    release::{self, ReleaseError},
};
use sealpost_market::{FileStart, Version};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{PublishArgs, Published, check_version, fetch_listing, next_version, published, vault_key};
use crate::{
    client::Client,
    failure::{Doing as _, Failure, Result},
    input::Input,
    key_file,
    offline::failed,
    output::say,
    seal, upload,
};

/// What `aes-256-gcm` adds: IV and tag.
const OVERHEAD: usize = 28;

/// Whether the file is a plugin: told by its content, and what the options say must agree.
pub(crate) fn is_one(args: &PublishArgs) -> Result<bool> {
    let start = first_bytes(&args.file)?;
    let file = args.file.display();
    if args.plugin_id.is_some() && !start.is_wasm() {
        let what = start.check().err().map_or_else(String::new, |what| what.to_string());
        let hint = start.check().err().map_or("", |what| what.hint());
        return Err(
            Failure::new("not_wasm", format!("{file} cannot be published as a plugin: {what}")).hint(hint)
        );
    }
    if !start.is_wasm() {
        let given = [
            ("--manifest", args.manifest.is_some()),
            ("--signing-key-file", args.signing_key_file.is_some()),
        ];
        return match given.iter().find(|(_, given)| *given) {
            Some((option, _)) => {
                Err(Failure::usage("not_a_plugin", format!("{option} is for plugins, and {file} is none"))
                    .hint("give the .wasm file that your compiler wrote, or leave the option out"))
            }
            None => Ok(false),
        };
    }
    if args.plugin_id.is_none() && args.listing.is_none() {
        return Err(Failure::usage(
            "plugin_id_missing",
            format!("{file} is WebAssembly, and a plugin needs a name of yours"),
        )
        .hint("give one with --plugin-id, such as org.example.viewer; it cannot be changed later"));
    }
    for (option, given) in [
        ("--prints", args.prints.is_some()),
        ("--free-retries", args.free_retries.is_some()),
        ("--seal-once", args.seal_once),
    ] {
        if given {
            return Err(Failure::usage(
                "not_printable",
                format!("{option} is for G-code, and {file} is WebAssembly"),
            )
            .hint("a plugin's purchase grants devices: --devices N"));
        }
    }
    start.check().map(|()| true).map_err(|refusal| {
        Failure::new(refusal.code(), format!("{file} cannot be published: {refusal}")).hint(refusal.hint())
    })
}

/// Makes the listing where there is none, and adds the version.
pub(crate) async fn publish(args: &PublishArgs, price: Option<Price>) -> Result<Published> {
    let wasm = read(&args.file)?;
    let manifest = args.manifest.as_deref().map(read_manifest).transpose()?;
    let key = args.signing_key_file.as_deref().map(key_file::signing_key).transpose()?;
    let said = said_version(args, manifest.as_ref())?;
    let client = Client::signed_in(&args.connection)?;

    let (listing, is_new) = find_or_make(&client, args, price, manifest.as_ref(), key.as_ref()).await?;
    let plugin = listing.plugin.as_ref().ok_or_else(|| {
        Failure::new(
            "wrong_kind",
            format!("{} sells G-code, and {} is WebAssembly", listing.id, args.file.display()),
        )
        .hint("name the plugin with --plugin-id instead of --listing")
    })?;
    check_key(plugin, key.as_ref())?;
    let version = match said {
        Some(version) => version,
        None => next_version(&listing.releases)?,
    };
    check_version(&listing, &version)?;

    let plain = Digest::of(&wasm);
    let sealed = match args.seal_here {
        true => Some(seal_here(&wasm, plain, &vault_key(&client).await?)?),
        false => None,
    };
    let mut new = NewRelease {
        listing: listing.id.clone(),
        version: version.to_string(),
        sealed: None,
        manifest: Some(manifest.unwrap_or_default()),
        signature: None,
        // Only who signs knows that the store keeps the blob as it came.
        cid: sealed.as_ref().filter(|_| key.is_some()).map(|(blob, _)| cid::of(blob)),
        notes: String::new(),
    };
    if let Some(key) = &key {
        new.signature = Some(sign(key, &plugin.plugin_id, &new, plain)?);
    }
    let body = match sealed {
        Some((blob, upload)) => {
            new.sealed = Some(upload);
            blob
        }
        None => wasm.to_vec(),
    };
    let sent = upload::send_bytes(&client, &new, body).await;
    published(&client, &new, sent, is_new).await
}

fn first_bytes(path: &Path) -> Result<FileStart> {
    let reading = format!("read {}", path.display());
    // Before it is opened: a named pipe would wait for somebody to write.
    if !fs::metadata(path).doing("file", &reading)?.is_file() {
        return Err(Failure::new("file", format!("{} is not a file", path.display()))
            .hint("give the .gcode file that the slicer exported, or the plugin's .wasm file"));
    }
    let (mut start, mut bytes) = (FileStart::default(), Vec::new());
    let file = File::open(path).doing("file", &reading)?;
    file.take(8).read_to_end(&mut bytes).doing("file", &reading)?;
    start.see(&bytes);
    Ok(start)
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let limit = (WHOLE_LIMIT - OVERHEAD) as u64;
    let input = Input::open(path)?;
    if input.size().is_some_and(|size| size > limit) {
        let sentence = format!("{} has more than the {limit} bytes of a plugin", path.display());
        return Err(Failure::new("file_too_large", sentence)
            .hint("leave out of the module what can be fetched at run time, and its debug information"));
    }
    input.read_up_to(limit)
}

fn read_manifest(path: &Path) -> Result<Map<String, Value>> {
    let text = Input::open(path)?.read_all()?;
    let hint =
        "a manifest is a JSON object, such as {\"name\": \"My plugin\", \"version\": \"1.0.0\", \"abi\": 1}";
    let refused = |why: String| {
        Failure::new("manifest_file", format!("{} is no manifest: {why}", path.display())).hint(hint)
    };
    let manifest = match serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))? {
        Value::Object(manifest) => manifest,
        _ => return Err(refused("it is JSON, but no object".to_owned())),
    };
    // Before a listing is made for it.
    statement([0; 32], "", &NewRelease::default(), Digest::of(&[]), manifest.clone())
        .signed_bytes()
        .map_err(number)?;
    Ok(manifest)
}

/// The version that options and manifest agree on.
fn said_version(args: &PublishArgs, manifest: Option<&Map<String, Value>>) -> Result<Option<Version>> {
    let Some(named) = manifest.and_then(|manifest| manifest.get("version")) else {
        return Ok(args.version.clone());
    };
    let named: Option<Version> = named.as_str().and_then(|text| text.parse().ok());
    match (&args.version, named) {
        (Some(version), Some(named)) if *version != named => Err(Failure::usage(
            "manifest_version",
            format!("--version is {version}, and the manifest says {named}"),
        )
        .hint("change the version in the manifest, or leave --version out")),
        (Some(version), _) => Ok(Some(version.clone())),
        (None, Some(named)) => Ok(Some(named)),
        (None, None) => Err(Failure::new("manifest_version", "the manifest's `version` is no version")
            .hint("write it such as \"1.4.2\", or give one with --version")),
    }
}

async fn find_or_make(
    client: &Client,
    args: &PublishArgs,
    price: Option<Price>,
    manifest: Option<&Map<String, Value>>,
    key: Option<&SigningKey>,
) -> Result<(Listing, bool)> {
    let name = args.plugin_id.as_ref().or(args.listing.as_ref());
    let name = name.ok_or_else(|| {
        Failure::usage("plugin_id_missing", "which plugin?").hint("name it with --plugin-id")
    })?;
    let found = match fetch_listing(client, name).await {
        Err(failure) if failure.status() == Some(404) && args.plugin_id.is_some() => None,
        found => Some(found?),
    };
    let Some(listing) = found else {
        let plugin = PluginTerms {
            plugin_id: name.clone(),
            devices: args.devices.unwrap_or(1),
            publisher_key: key.map(public),
        };
        let own_name = manifest.and_then(|manifest| manifest.get("name")).and_then(Value::as_str);
        let request = NewListing {
            id: args.id.clone(),
            title: args.title.as_deref().or(own_name).unwrap_or(name).to_owned(),
            description: args.description.clone().unwrap_or_default(),
            price,
            kind: Some("plugin".to_owned()),
            plugin: Some(plugin),
            ..NewListing::default()
        };
        return Ok((client.post(&["api", "v1", "listings"], &request).await?, true));
    };
    if listing.publisher != client.user_id()? {
        let sentence = format!("{name} belongs to {}", listing.publisher_name);
        return Err(Failure::new("not_your_listing", sentence)
            .hint("begin the plugin id with a domain of yours, or sign in as its publisher"));
    }
    let unused: Vec<_> = [
        ("--title", args.title.is_some()),
        ("--description", args.description.is_some()),
        ("--id", args.id.is_some()),
        ("--price", args.price.is_some()),
        ("--devices", args.devices.is_some()),
    ]
    .into_iter()
    .filter_map(|(option, given)| given.then_some(option))
    .collect();
    if !unused.is_empty() {
        say!("sealpost: {name} is there already and stays as it is: {} not used", unused.join(", "));
    }
    Ok((listing, false))
}

/// The store would refuse it too, after the upload.
fn check_key(plugin: &PluginTerms, key: Option<&SigningKey>) -> Result<()> {
    match (&plugin.publisher_key, key) {
        (None, None) => Ok(()),
        (Some(expected), Some(key)) if *expected == public(key) => Ok(()),
        (Some(expected), Some(key)) => Err(Failure::new(
            "release_wrong_publisher",
            format!("{} is signed by {expected}, and this key is {}", plugin.plugin_id, public(key)),
        )
        .hint("give the key that signed the versions before; to begin anew: sealpost publisher-key set")),
        (Some(expected), None) => Err(Failure::new(
            "release_unsigned",
            format!("every version of {} is signed by {expected}", plugin.plugin_id),
        )
        .hint("give that key with --signing-key-file FILE")),
        (None, Some(_)) => Err(Failure::new(
            "no_publisher_key",
            format!("{} has no publisher key, so nobody could check a signature", plugin.plugin_id),
        )
        .hint(format!(
            "give it one first: sealpost publisher-key set {} --signing-key-file FILE",
            plugin.plugin_id
        ))),
    }
}

/// Seals in memory, as `aes-256-gcm` does, with a fresh key for the store's vault.
fn seal_here(wasm: &[u8], plain: Digest, vault: &VaultKey) -> Result<(Vec<u8>, SealedUpload)> {
    use std::io::Write as _;
    let mut rng = UnwrapErr(SysRng);
    let dek = Dek::generate(&mut rng);
    let cipher = ContentCipher::Aes256Gcm;
    let room = Vec::with_capacity(wasm.len() + OVERHEAD);
    let mut sealer = Sealer::new(cipher, &dek, &mut rng, room).doing("seal", "seal the file")?;
    sealer.write_all(wasm).doing("seal", "seal the file")?;
    let blob = sealer.finish().doing("seal", "seal the file")?;
    let envelope = ecdh::wrap(&dek, &seal::recipient(vault)?, &ecdh::vault_plugin_id(&plain), &mut rng)
        .map_err(failed)?;
    let upload = SealedUpload {
        cipher: cipher.to_string(),
        iv: None,
        envelope: serde_json::to_value(&envelope).doing("json", "write the envelope")?,
        plain_sha256: plain.hex(),
        plain_size: plain.size,
    };
    Ok((blob, upload))
}

fn sign(key: &SigningKey, plugin_id: &str, new: &NewRelease, plain: Digest) -> Result<String> {
    let manifest = new.manifest.clone().unwrap_or_default();
    let statement = statement(key.verifying_key().to_bytes(), plugin_id, new, plain, manifest);
    statement.sign(key).map(hex::encode).map_err(number)
}

fn statement(
    publisher: [u8; 32],
    plugin_id: &str,
    new: &NewRelease,
    plain: Digest,
    manifest: Map<String, Value>,
) -> release::Release {
    release::Release {
        publisher,
        listing: plugin_id.to_owned(),
        version: new.version.clone(),
        cid: new.cid.clone(),
        plain_sha256: plain.sha256,
        cipher: ContentCipher::Aes256Gcm,
        manifest,
    }
}

/// The crate's own sentence speaks to those who buy.
fn number(error: ReleaseError) -> Failure {
    match error {
        ReleaseError::Number => Failure::new(error.code(), "the manifest has a whole number beyond 2^53")
            .hint("write such numbers as text: JSON libraries read them differently"),
        other => failed(other),
    }
}

fn public(key: &SigningKey) -> String {
    hex::encode(key.verifying_key().to_bytes())
}
