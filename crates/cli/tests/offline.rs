//! The commands that need no store, from end to end: what one writes another reads, and a failure leaves nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs::{self, File},
    io::{Seek as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

const DEK: &str = "4242424242424242424242424242424242424242424242424242424242424242";
const PLUGIN: &str = "com.publisher.my-plugin";

/// A folder to run commands in.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), content).unwrap();
        self
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealpost"));
        command.args(line.split_whitespace()).current_dir(self.0.path());
        command.env_remove("SEALPOST_STORE").env("SEALPOST_CONFIG_DIR", self.0.path());
        command
    }

    fn run(&self, line: &str, stdin: &[u8]) -> Output {
        // A file, because a pipe would wait for a reader that waits for us.
        let mut input = tempfile::tempfile().unwrap();
        input.write_all(stdin).unwrap();
        input.rewind().unwrap();
        self.command(line).stdin(input).output().unwrap()
    }

    /// Standard output of a command that succeeds.
    fn ok(&self, line: &str, stdin: &[u8]) -> Vec<u8> {
        let output = self.run(line, stdin);
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// The code of a command that fails.
    fn refused(&self, line: &str, stdin: &[u8]) -> String {
        let output = self.run(&format!("{line} --json"), stdin);
        assert!(!output.status.success(), "{line}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(!answer["error"]["hint"].as_str().unwrap().is_empty(), "{line}: no hint");
        answer["error"]["code"].as_str().unwrap().to_owned()
    }
}

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_sealed_opens_with_the_key_that_was_printed() {
    for size in [0, 10, 65_536, 300_000] {
        let plain: Vec<u8> = (0..size).map(|n: u32| n as u8).collect();
        for cipher in ["age", "aes-256-gcm", "aes-256-cbc"] {
            let folder = Folder::new();
            folder.write("plain", &plain);
            for json in ["", "--json"] {
                let key = folder.ok(&format!("seal --cipher {cipher} plain sealed --force {json}"), b"");
                folder.write("key", key);
                folder.ok(&format!("open --cipher {cipher} --dek-file key sealed opened --force"), b"");
                assert!(folder.read("opened") == plain, "{cipher} {size}");
                assert_eq!(mode(&folder.path("opened")), 0o600);
            }
            let piped =
                folder.ok(&format!("open --cipher {cipher} --dek-file key - -"), &folder.read("sealed"));
            assert!(piped == plain, "{cipher} {size}");
        }
    }
}

#[test]
fn a_key_of_ones_own_seals_to_a_pipe() {
    let folder = Folder::new();
    folder.write("key", DEK);
    for cipher in ["age", "aes-256-gcm"] {
        for (input, output) in [("-", "-"), ("/dev/stdin", "/dev/stdout")] {
            let sealed =
                folder.ok(&format!("seal --cipher {cipher} --dek-file key {input} {output}"), b"G28\n");
            let opened =
                folder.ok(&format!("open --cipher {cipher} --dek-file key {input} {output}"), &sealed);
            assert_eq!(opened, b"G28\n");
        }
    }
    folder.ok("seal --cipher age --key-out fresh - sealed", b"G28\n");
    assert_eq!(mode(&folder.path("fresh")), 0o600);
    assert_eq!(folder.ok("open --cipher age --dek-file fresh sealed -", b""), b"G28\n");
}

#[test]
fn json_tells_what_was_sealed_and_opened() {
    let folder = Folder::new();
    folder.write("key", DEK).write("plain", "abc");
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let sealed = json(&folder.ok("seal --cipher aes-256-cbc --dek-file key plain sealed --json", b""));
    let opened = json(&folder.ok(
        &format!(
            "open --cipher aes-256-cbc --dek-file key --iv {} sealed opened --sha256 {hash} --json",
            sealed["iv"].as_str().unwrap()
        ),
        b"",
    ));
    for answer in [&sealed, &opened] {
        assert_eq!((&answer["plainSha256"], &answer["plainSize"]), (&hash.into(), &3.into()));
        assert_eq!(answer["blobSize"], 16);
        assert_eq!(answer["blobSha256"], sealed["blobSha256"]);
        assert_eq!(answer.get("dek"), None, "a key that was given is not printed");
    }
}

#[test]
fn a_failed_open_leaves_nothing_behind() {
    let folder = Folder::new();
    let plain = vec![b'x'; 300_000];
    folder.write("key", DEK).write("other", DEK.replace("42", "43")).write("plain", plain);
    for cipher in ["age", "aes-256-gcm", "aes-256-cbc"] {
        folder
            .ok(&format!("seal --cipher {cipher} --dek-file key plain {cipher} --key-out {cipher}.key"), b"");
        let mut sealed = folder.read(cipher);
        sealed.truncate(sealed.len() - 7);
        folder.write(&format!("{cipher}.cut"), sealed);
    }
    let iv = String::from_utf8(folder.read("aes-256-cbc.key")).unwrap();
    let before = folder.names();
    for (line, code) in [
        ("open --cipher age --dek-file other age opened".to_owned(), "blob_corrupt"),
        ("open --cipher age --dek-file key age.cut opened".to_owned(), "blob_corrupt"),
        ("open --cipher age --dek-file key aes-256-gcm opened".to_owned(), "blob_format"),
        ("open --cipher aes-256-gcm --dek-file other aes-256-gcm opened".to_owned(), "blob_corrupt"),
        ("open --cipher aes-256-gcm --dek-file key aes-256-gcm.cut opened".to_owned(), "blob_corrupt"),
        ("open --cipher aes-256-cbc --dek-file key aes-256-cbc opened".to_owned(), "blob_iv_missing"),
        (
            format!("open --cipher aes-256-cbc --dek-file key --iv {iv} aes-256-cbc.cut opened"),
            "blob_corrupt",
        ),
        (
            format!("open --cipher aes-256-cbc --dek-file key --iv {iv} aes-256-cbc opened --sha256 {DEK}"),
            "plain_hash",
        ),
    ] {
        assert_eq!(folder.refused(&line, b""), code, "{line}");
        assert_eq!(folder.names(), before, "{line}");
    }
}

#[test]
fn a_file_that_is_there_is_replaced_on_request_only() {
    let folder = Folder::new();
    folder.write("key", DEK).write("plain", "G28\n").write("out", "mine");
    assert_eq!(folder.refused("seal --cipher age --dek-file key plain out", b""), "file_exists");
    assert_eq!(folder.read("out"), b"mine");
    folder.ok("seal --cipher age --dek-file key plain out --force", b"");
    folder.ok("open --cipher age --dek-file key out out --force", b"");
    assert_eq!(folder.read("out"), b"G28\n");
}

#[test]
fn a_file_beyond_the_limit_of_a_whole_file_cipher_is_refused_before_it_is_read() {
    let folder = Folder::new();
    folder.write("key", DEK);
    // A terabyte of nothing: reading it would not end.
    File::create(folder.path("large")).unwrap().set_len(1 << 40).unwrap();
    for line in [
        "seal --cipher aes-256-gcm --dek-file key large out",
        "open --cipher aes-256-gcm --dek-file key large out",
        "open --cipher fernet --dek-file key large out",
    ] {
        assert_eq!(folder.refused(line, b""), "blob_too_large", "{line}");
    }
    assert_eq!(folder.names(), ["key", "large"]);
}

#[test]
fn a_blob_whose_key_nobody_got_is_not_kept() {
    let folder = Folder::new();
    folder.write("plain", "G28\n");
    let mut full = folder.command("seal --cipher age plain sealed");
    let status = full.stdout(File::create("/dev/full").unwrap()).stderr(Stdio::null()).status().unwrap();
    assert!(!status.success());
    assert_eq!(folder.names(), ["plain"]);
}

#[test]
fn what_cannot_be_written_is_told_in_words_and_with_a_hint() {
    let folder = Folder::new();
    folder.write("plain", "G28\n");
    folder.write("key", folder.ok("seal --cipher age plain sealed", b""));
    folder.write("issuer", "00".repeat(32));
    for line in [
        "seal --cipher age --dek-file key plain -",
        "seal --cipher aes-256-gcm plain new",
        "open --cipher age --dek-file key sealed -",
        "license issue --key-file issuer --plugin-id a --licensee-org b",
        "wallet new --reveal",
    ] {
        let full = folder.command(line).stdout(File::create("/dev/full").unwrap()).output().unwrap();
        let told = String::from_utf8(full.stderr).unwrap();
        assert_eq!(full.status.code(), Some(1), "{line}");
        assert!(told.contains("No space left on device (os error 28) (output"), "{line}: {told}");
        assert!(told.contains("\nhint: ") && told.lines().count() == 2, "{line}: {told}");
    }
}

#[test]
fn an_envelope_for_any_curve_opens_with_its_private_key() {
    let folder = Folder::new();
    folder.write("dek", DEK);
    // Private keys of 0x42 bytes; the public ones are from Python's `cryptography` 50.
    for key in json(include_bytes!("cmd/offline/files/keys.json")).as_array().unwrap() {
        let [curve, private, public] =
            ["curve", "privateKey", "publicKey"].map(|name| key[name].as_str().unwrap());
        folder.write("key", private).write("key.json", key.to_string());
        let line = format!("envelope wrap --to {public} --curve {curve} --plugin-id {PLUGIN} --dek-file dek");
        let envelope = folder.ok(&line, b"");
        for file in ["key", "key.json"] {
            let dek =
                folder.ok(&format!("envelope unwrap --key-file {file} --plugin-id {PLUGIN}"), &envelope);
            assert_eq!(dek, format!("{DEK}\n").as_bytes(), "{curve}");
        }
        let eme = folder.ok(&format!("envelope to-eme --plugin-id {PLUGIN}"), &envelope);
        assert_eq!(json(&folder.ok("envelope from-eme", &eme)), json(&envelope));
        let other =
            folder.refused("envelope unwrap --key-file key --plugin-id com.publisher.other", &envelope);
        assert_eq!(other, "envelope_not_for_us");
    }
}

#[test]
fn several_records_make_one_stream() {
    let folder = Folder::new();
    folder.write("dek", DEK);
    let keys = json(include_bytes!("cmd/offline/files/keys.json"));
    let envelopes: Vec<Value> = keys
        .as_array()
        .unwrap()
        .iter()
        .map(|key| {
            let [curve, public] = ["curve", "publicKey"].map(|name| key[name].as_str().unwrap());
            let line =
                format!("envelope wrap --to {public} --curve {curve} --plugin-id {PLUGIN} --dek-file dek");
            json(&folder.ok(&line, b""))
        })
        .collect();
    let text = serde_json::to_vec(&envelopes).unwrap();
    let stream = folder.ok("envelope to-eme", &text);
    assert_eq!(json(&folder.ok("envelope from-eme --all", &stream)), Value::from(envelopes));
    assert_eq!(folder.refused("envelope from-eme", &stream), "eme_records");
}

#[test]
fn records_and_licences_that_were_written_before_are_read() {
    let folder = Folder::new();
    let envelope = json(include_bytes!("cmd/offline/files/envelope.json"));
    let another = json(include_bytes!("cmd/offline/files/wallet-envelope.json"));
    let output = folder.run("envelope from-eme", include_bytes!("cmd/offline/files/envelope.eme"));
    assert_eq!(json(&output.stdout), envelope);
    assert_eq!(output.stderr, format!("plugin: {PLUGIN}\n").as_bytes());
    let all = folder.ok("envelope from-eme --all", include_bytes!("cmd/offline/files/records.eme"));
    assert_eq!(json(&all), Value::from([envelope, another].to_vec()));

    let licence = json(include_bytes!("cmd/offline/files/licence.json"));
    let issuer = licence["ISSUER_PUBKEY"].as_str().unwrap();
    let verify = format!(
        "license verify --issuer {issuer} --domain app.example.com --plugin-version 1.0.0 --at 2026-06-01 --json"
    );
    let verified = json(&folder.ok(&verify, include_bytes!("cmd/offline/files/licence.plk")));
    assert_eq!(verified["licence"], licence);
}

#[test]
fn a_bundle_opens_for_every_buyer_and_domain_it_was_made_for() {
    let folder = Folder::new();
    let keys = json(include_bytes!("cmd/offline/files/keys.json"));
    let keys = keys.as_array().unwrap();
    folder
        .write("plugin", "\0asm plugin")
        .write("secret", DEK)
        .write("publisher", DEK.replace("42", "55"))
        .write("manifest", "{\"name\": \"Mine\"}");
    let buyers: String = keys
        .iter()
        .map(|key| format!(" --to {}:{}", key["curve"].as_str().unwrap(), key["publicKey"].as_str().unwrap()))
        .collect();
    let line = format!(
        "bundle make plugin --plugin-id {PLUGIN} --version 2.0.1 --manifest-file manifest --publisher-key-file publisher \
         --dek-out dek --domain app.example.com --domain localhost --domain-secret-file secret --epoch 7{buyers}"
    );
    let bundle = folder.ok(&line, b"");
    let publisher = json(&bundle)["publisher"].as_str().unwrap().to_owned();
    assert_eq!(json(&bundle)["domainKek"], serde_json::json!({"version": 2, "epoch": 7}));

    for key in keys {
        folder.write("key", key["privateKey"].as_str().unwrap());
        let opened =
            json(&folder.ok(
                &format!("bundle open --key-file key --publisher {publisher} out --force --json"),
                &bundle,
            ));
        assert_eq!(folder.read("out"), b"\0asm plugin");
        assert_eq!((&opened["pluginId"], &opened["version"]), (&PLUGIN.into(), &"2.0.1".into()));
    }
    for line in [
        "bundle open --domain App.Example.com --domain-secret-file secret -",
        "bundle open --domain localhost --domain-secret-file secret --epoch 7 -",
        "bundle open --dek-file dek -",
    ] {
        assert_eq!(folder.ok(line, &bundle), b"\0asm plugin", "{line}");
    }

    folder.write("key", DEK.replace("42", "11")).write("other", DEK.replace("42", "11"));
    fs::remove_file(folder.path("out")).unwrap();
    let before = folder.names();
    let damaged = String::from_utf8(bundle.clone()).unwrap().replace("2.0.1", "2.0.2").into_bytes();
    for (line, code) in [
        ("bundle open --domain example.com --domain-secret-file secret out".to_owned(), "domain_not_for_us"),
        ("bundle open --domain localhost --domain-secret-file other out".to_owned(), "domain_not_for_us"),
        (
            "bundle open --domain localhost --domain-secret-file secret --epoch 8 out".to_owned(),
            "bundle_epoch",
        ),
        ("bundle open --key-file key out".to_owned(), "bundle_not_for_us"),
        ("bundle open --dek-file other out".to_owned(), "blob_corrupt"),
    ] {
        assert_eq!(folder.refused(&line, &bundle), code, "{line}");
        assert_eq!(folder.names(), before, "{line}");
    }
    let open = "bundle open --dek-file dek out".to_owned();
    assert_eq!(folder.refused(&open, &damaged), "release_bad_signature");
    let stranger = keys.iter().find(|key| key["curve"] == "ed25519").unwrap()["publicKey"].as_str().unwrap();
    assert_eq!(folder.refused(&format!("{open} --publisher {stranger}"), &bundle), "release_wrong_publisher");
    assert_eq!(folder.names(), before);
}

#[test]
fn a_later_buyer_opens_with_the_envelope_from_the_purchase() {
    let folder = Folder::new();
    folder.write("plugin", "wasm plugin");
    let keys = json(include_bytes!("cmd/offline/files/keys.json"));
    let bundle = folder.ok(&format!("bundle make plugin --plugin-id {PLUGIN} --dek-out dek"), b"");
    for key in keys.as_array().unwrap() {
        let [curve, public] = ["curve", "publicKey"].map(|name| key[name].as_str().unwrap());
        folder.write("key", key["privateKey"].as_str().unwrap());
        let line = format!("envelope wrap --to {public} --curve {curve} --plugin-id {PLUGIN} --dek-file dek");
        folder.write("envelope", folder.ok(&line, b""));
        assert_eq!(folder.refused("bundle open --key-file key out", &bundle), "bundle_no_envelope");
        let opened = folder.ok("bundle open --key-file key --envelope envelope -", &bundle);
        assert_eq!(opened, b"wasm plugin", "{curve}");
    }
    assert_eq!(
        folder.refused("bundle open --key-file key --envelope dek out", &bundle),
        "envelope_malformed"
    );
}

#[test]
fn the_data_of_a_bundle_can_travel_apart() {
    let folder = Folder::new();
    folder
        .write("plugin", "\0asm plugin")
        .write("key", DEK)
        .write("secret", "a text\n")
        .write("same-secret", "a text");
    let apart = folder.ok(
        &format!("bundle make plugin --plugin-id {PLUGIN} --dek-file key --blob-out blob --domain localhost --domain-secret-file secret --domain-version 1"),
        b"",
    );
    assert_eq!(json(&apart).get("encryptedData"), None);
    assert_eq!(json(&apart).get("domainKek"), None, "version 1");
    let domain = "bundle open --domain localhost --domain-secret-file same-secret";
    assert_eq!(folder.refused(&format!("{domain} out"), &apart), "bundle_no_data");
    assert_eq!(folder.ok(&format!("{domain} --blob blob -"), &apart), b"\0asm plugin");

    let named =
        folder.ok(&format!("bundle make blob --sealed --dek-file key --cid bafy --plugin-id {PLUGIN}"), b"");
    assert_eq!(json(&named)["cid"], "bafy");
    assert_eq!(json(&named)["wasmHash"], json(&apart)["wasmHash"]);
    assert_eq!(folder.ok("bundle open --dek-file key --blob blob -", &named), b"\0asm plugin");
    folder.write("other", DEK.replace("42", "11"));
    let line = format!("bundle make blob --sealed --dek-file other --plugin-id {PLUGIN}");
    assert_eq!(folder.refused(&line, b""), "blob_corrupt");
}

#[test]
fn a_licence_is_verified_as_json_and_as_a_flatbuffer() {
    let folder = Folder::new();
    folder.write("issuer", DEK);
    let issue = format!(
        "license issue --key-file issuer --plugin-id {PLUGIN} --licensee-org ACME --domain app.example.com --tld gov --max-activations 2 --expires 2100-01-31"
    );
    let licence = folder.ok(&issue, b"");
    let issuer = json(&licence)["ISSUER_PUBKEY"].as_str().unwrap().to_owned();
    let verify = format!("license verify --issuer {issuer} --plugin-id {PLUGIN}");
    let good = format!("{verify} --domain app.example.com --activations 1");
    let bytes = folder.ok(&format!("{issue} --license-id a --flatbuffer"), b"");
    for document in [&licence, &bytes] {
        let verified = json(&folder.ok(&format!("{good} --json"), document));
        assert_eq!(verified["valid"], true);
        assert_eq!(verified["licence"]["EXPIRES_AT"], "4105123200", "the day is good to its end");
        folder.ok(&format!("{verify} --domain agency.gov"), document);
        folder.ok(&format!("{good} --at 2100-01-31T23:59:59Z"), document);
        for (line, code) in [
            (format!("{verify} --domain example.com"), "plk_wrong_domain"),
            (verify.clone(), "plk_wrong_domain"),
            (format!("{good} --at 2100-02-01"), "plk_expired"),
            (format!("{good} --at 2020-01-01"), "plk_from_the_future"),
            (format!("{verify} --domain app.example.com --activations 2"), "plk_activations"),
            (
                format!("license verify --issuer {issuer} --plugin-id other --domain app.example.com"),
                "plk_wrong_plugin",
            ),
        ] {
            assert_eq!(folder.refused(&line, document), code, "{line}");
        }
    }
    let changed = String::from_utf8(licence).unwrap().replace("ACME", "ACNE").into_bytes();
    assert_eq!(folder.refused(&good, &changed), "plk_bad_signature");
    assert_eq!(folder.refused(&good, b"licence"), "plk_not_plk");
}
