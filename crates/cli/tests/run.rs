//! `sealpost run`: a plugin is called when everything about it is right, and nothing of it runs when anything is wrong.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{Seek as _, Write as _},
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;

const PLUGIN: &str = "com.publisher.my-plugin";
const KEY: &str = "4242424242424242424242424242424242424242424242424242424242424242";
const OTHER: &str = "1111111111111111111111111111111111111111111111111111111111111111";
/// Its public key on secp256k1, and on X25519.
const PUBLIC: &str = "0324653eac434488002cc06bbfb7f10fe18991e35f9fe4302dbea6d2353dc0ab1c";
const LICENSEE: &str = "132c442be010fbd57e72603328aa76e71fccc1503aae219327d14d9c9993f472";
const WORDS: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

/// Says "started" as soon as it is: whoever sees that nowhere knows that nothing ran.
const MODULE: &str = r#"(module
    (import "sealpost" "log" (func $log (param i32 i32)))
    (memory (export "memory") 2)
    (data (i32.const 16) "started")
    (data (i32.const 64) "this is what is wrong")
    (func $start (call $log (i32.const 16) (i32.const 7)))
    (start $start)
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func (export "free") (param i32))
    (func $same (export "echo") (param i32 i32) (result i64)
        (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1))))
    (export "say" (func $same))
    (export "json" (func $same))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "half") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
    (func (export "raw") (param i64) (result i64) (local.get 0))
    (func (export "fail") (result i64) (i64.const 0))
    (func (export "last_error") (result i64) (i64.const 0x4000000015))
    (func (export "forever") (loop (br 0)))
    (func (export "trap") (unreachable)))"#;

struct Folder(TempDir);

impl Folder {
    /// A folder with a signed bundle for the key in `key` and for a domain, and the publisher's public key.
    fn with_bundle() -> (Self, String) {
        let folder = Self(tempfile::tempdir().unwrap());
        let manifest = json!({
            "permissions": ["log"],
            "functions": {
                "echo": {"params": ["bytes"], "result": "bytes", "description": "Gives back what it gets"},
                "say": {"params": ["text"], "result": "text"},
                "json": {"params": ["json"], "result": "json"},
                "add": {"params": ["i32", "i32"], "result": "i32"},
                "half": {"params": ["f64"], "result": "f64"},
                "fail": {"params": [], "result": "bytes"},
                "forever": {},
                "trap": {},
            },
        });
        folder
            .write("plugin", wat::parse_str(MODULE).unwrap())
            .write("manifest", manifest.to_string())
            .write("key", KEY)
            .write("other", OTHER)
            .write("words", WORDS)
            .write("publisher.key", OTHER)
            .write("secret", "ab".repeat(32));
        let show = "wallet show --mnemonic-file words --curve p256 --index 3 --json";
        let wallet: Value = serde_json::from_slice(&folder.ok(show, "")).unwrap();
        let wallet = wallet["publicKey"].as_str().unwrap();
        let line = format!(
            "bundle make plugin --plugin-id {PLUGIN} --version 1.2.3 --manifest-file manifest --publisher-key-file publisher.key \
             --dek-out dek --to secp256k1:{PUBLIC} --to p256:{wallet} --to x25519:{LICENSEE} --domain app.example.com --domain-secret-file secret --epoch 7"
        );
        let bundle = folder.ok(&line, "");
        folder.write("bundle", &bundle);
        let publisher =
            serde_json::from_slice::<Value>(&bundle).unwrap()["publisher"].as_str().unwrap().to_owned();
        (folder, publisher)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.0.path().join(name), content).unwrap();
        self
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.path().join(name)).unwrap()
    }

    fn run(&self, line: &str, stdin: impl AsRef<[u8]>) -> Output {
        // A file, because a pipe would wait for a reader that waits for us.
        let mut input = tempfile::tempfile().unwrap();
        input.write_all(stdin.as_ref()).unwrap();
        input.rewind().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealpost"));
        command.args(line.split_whitespace()).current_dir(self.0.path()).stdin(input);
        command.env_remove("SEALPOST_STORE").env("SEALPOST_CONFIG_DIR", self.0.path());
        command.output().unwrap()
    }

    fn ok(&self, line: &str, stdin: impl AsRef<[u8]>) -> Vec<u8> {
        let output = self.run(line, stdin);
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// The code of a call that fails, and whether the plugin had been started by then.
    fn refused(&self, line: &str) -> (String, bool) {
        let output = self.run(&format!("{line} --allow log --json"), "");
        let talk = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{line}: {talk}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(!answer["error"]["hint"].as_str().unwrap().is_empty(), "{line}: no hint");
        (answer["error"]["code"].as_str().unwrap().to_owned(), talk.contains("started"))
    }

    /// A change to the bundle, in `changed`.
    fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut bundle: Value = serde_json::from_slice(&self.read("bundle")).unwrap();
        change(&mut bundle);
        self.write("changed", bundle.to_string());
    }
}

#[test]
fn every_kind_of_value_goes_in_and_comes_out() {
    let (folder, publisher) = Folder::with_bundle();
    let run = format!("run bundle --key-file key --publisher {publisher} --allow log");
    let bytes = [0, 255, 10, 13, 128];
    folder.write("in", bytes).write("text", "two\nlines");
    assert_eq!(folder.ok(&format!("{run} --call echo @in"), ""), bytes);
    assert_eq!(folder.ok(&format!("{run} --call echo -"), bytes), bytes);
    assert_eq!(folder.ok(&format!("{run} --call say word"), ""), b"word");
    assert_eq!(folder.ok(&format!("{run} --call say @text"), ""), b"two\nlines");
    assert_eq!(folder.ok(&format!("{run} --call say @@at"), ""), b"@at");
    assert_eq!(
        folder.ok(&format!("{run} --call json {{\"a\":[1,null]}}"), ""),
        b"{\n  \"a\": [\n    1,\n    null\n  ]\n}\n"
    );
    assert_eq!(folder.ok(&format!("{run} --call add 2 -5"), ""), b"-3\n");
    assert_eq!(folder.ok(&format!("{run} --call half -0.5"), ""), b"-0.25\n");
    // An export that the manifest does not declare.
    assert_eq!(folder.ok(&format!("{run} --call raw 9007199254740993"), ""), b"9007199254740993\n");

    folder.ok(&format!("{run} --call echo @in --out result"), "");
    assert_eq!(folder.read("result"), bytes);
    assert_eq!(folder.refused(&format!("{run} --call echo @in --out result")), ("file_exists".into(), false));
    let answer: Value =
        serde_json::from_slice(&folder.ok(&format!("{run} --json --call echo @in"), "")).unwrap();
    let expected = json!({
        "pluginId": PLUGIN, "version": "1.2.3", "function": "echo", "type": "bytes", "result": "AP8KDYA=",
    });
    assert_eq!(answer, expected);
}

#[test]
fn the_log_goes_to_standard_error_where_it_is_allowed() {
    let (folder, publisher) = Folder::with_bundle();
    let run = format!("run bundle --key-file key --publisher {publisher} --call add 1 1");
    let output = folder.run(&format!("{run} --allow log,clock"), "");
    assert_eq!((output.stdout, output.stderr), (b"2\n".to_vec(), b"plugin: started\n".to_vec()));
    let output = folder.run(&format!("{run} --json"), "");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["error"]["code"], "plugin_permission");
}

#[test]
fn whoever_has_a_key_runs_it() {
    let (folder, publisher) = Folder::with_bundle();
    let call = format!("--publisher {publisher} --allow log --call add 1 2");
    let bundle = folder.read("bundle");
    for by in [
        "--key-file key",
        "--mnemonic-file words",
        "--mnemonic-file words --index 3",
        "--domain App.Example.com --domain-secret-file secret",
        "--dek-file dek",
    ] {
        assert_eq!(folder.ok(&format!("run bundle {by} {call}"), ""), b"3\n", "{by}");
        assert_eq!(folder.ok(&format!("run - {by} {call}"), &bundle), b"3\n", "{by}");
    }
    assert_eq!(folder.ok(&format!("run bundle --key-file - {call}"), KEY), b"3\n");

    // The data apart.
    let mut apart: Value = serde_json::from_slice(&bundle).unwrap();
    let data = apart.as_object_mut().unwrap().remove("encryptedData").unwrap();
    folder.write("apart", apart.to_string()).write("data", data.as_str().unwrap());
    let line = format!("run apart --key-file key {call}");
    assert_eq!(folder.refused(&line), ("bundle_no_data".into(), false));
    assert_eq!(folder.ok(&format!("{line} --blob data"), ""), b"3\n");
}

#[test]
fn it_lists_what_a_plugin_has_without_any_key() {
    let (folder, publisher) = Folder::with_bundle();
    let listed = String::from_utf8(folder.ok("run bundle", "")).unwrap();
    assert!(listed.contains(&publisher) && listed.contains("Gives back what it gets"), "{listed}");
    assert!(listed.contains("add(i32, i32) -> i32"), "{listed}");
    let json: Value = serde_json::from_slice(&folder.ok("run bundle --json", "")).unwrap();
    assert_eq!(json["functions"]["say"]["params"], json!(["text"]));
    folder.change(|bundle| bundle["version"] = "9.9.9".into());
    assert_eq!(folder.refused("run changed"), ("release_bad_signature".into(), false));
}

#[test]
fn nothing_runs_when_anything_is_wrong() {
    let (folder, publisher) = Folder::with_bundle();
    let call = "--call add 1 2";
    let good = format!("--key-file key --publisher {publisher}");
    let refused =
        |line: &str, code: &str| assert_eq!(folder.refused(line), (code.to_owned(), false), "{line}");

    refused(&format!("run bundle --key-file key {call}"), "publisher_missing");
    refused(&format!("run bundle --key-file other --publisher {publisher} {call}"), "bundle_not_for_us");
    refused(&format!("run bundle --key-file key --publisher {ISSUER} {call}"), "release_wrong_publisher");
    refused(
        &format!("run bundle --mnemonic-file words --index 4 --publisher {publisher} {call}"),
        "bundle_not_for_us",
    );
    let domain = "--domain-secret-file secret --domain";
    refused(&format!("run bundle {domain} example.com --publisher {publisher} {call}"), "domain_not_for_us");
    refused(&format!("run bundle {good} --call add 1"), "plugin_argument");
    refused(&format!("run bundle {good} --call echo text"), "plugin_argument");
    refused(&format!("run bundle {good} --call add 1 @missing"), "plugin_argument");
    refused(&format!("run bundle {good} --call say @missing"), "file");

    folder.change(|bundle| bundle["version"] = "1.2.4".into());
    refused(&format!("run changed {good} {call}"), "release_bad_signature");
    folder.change(|bundle| bundle["manifest"]["permissions"] = json!([]));
    refused(&format!("run changed {good} {call}"), "release_bad_signature");
    folder.change(|bundle| bundle["wasmHash"] = "00".repeat(32).into());
    refused(&format!("run changed {good} {call}"), "release_bad_signature");
    folder.change(|bundle| {
        bundle["wasmHash"] = "00".repeat(32).into();
        bundle.as_object_mut().unwrap().remove("signature");
    });
    refused(&format!("run changed {good} {call}"), "release_unsigned");
    refused(&format!("run changed --key-file key --allow-unsigned {call}"), "bundle_wrong_hash");
    folder.change(|bundle| flip(&mut bundle["encryptedData"]));
    refused(&format!("run changed {good} {call}"), "blob_corrupt");
    folder.change(|bundle| {
        for envelope in bundle["buyerWrappedKeys"].as_array_mut().unwrap() {
            flip(&mut envelope["wrappedDEK"]);
        }
    });
    refused(&format!("run changed {good} {call}"), "bundle_not_for_us");
    folder.write("changed", "{}");
    refused(&format!("run changed {good} {call}"), "bundle_malformed");
}

/// The public key of `key` as an Ed25519 seed: no publisher's, an issuer's.
const ISSUER: &str = "2152f8d19b791d24453242e15f2eab6cb7cffa7b6a5ed30097960e069881db12";

#[test]
fn a_licence_that_is_given_must_allow_it() {
    let (folder, publisher) = Folder::with_bundle();
    let issuer = ISSUER;
    let call = format!("--publisher {publisher} --license licence --issuer {issuer} --call add 1 2");
    let issue = |more: &str| {
        let line = format!("license issue --key-file key --licensee-org ACME {more}");
        folder.write("licence", folder.ok(&line, ""));
    };
    issue(&format!("--plugin-id {PLUGIN} --plugin-version ^1.2"));
    assert_eq!(folder.ok(&format!("run bundle --key-file key --allow log {call}"), ""), b"3\n");
    // One for a certain key opens by that key alone, although others have an envelope too.
    issue(&format!("--plugin-id {PLUGIN} --licensee-key {LICENSEE}"));
    assert_eq!(folder.ok(&format!("run bundle --key-file key --allow log {call}"), ""), b"3\n");
    assert!(!folder.refused(&format!("run bundle --mnemonic-file words {call}")).1);

    for (more, code) in [
        ("--plugin-id another.plugin".to_owned(), "plk_wrong_plugin"),
        (format!("--plugin-id {PLUGIN} --plugin-version ^2"), "plk_wrong_version"),
        (format!("--plugin-id {PLUGIN} --issued-at 2020-01-01 --expires 2020-12-31"), "plk_expired"),
        (format!("--plugin-id {PLUGIN} --valid-from 2999-01-01"), "plk_not_yet_valid"),
        (format!("--plugin-id {PLUGIN} --domain app.example.com"), "plk_wrong_domain"),
    ] {
        issue(&more);
        assert_eq!(
            folder.refused(&format!("run bundle --key-file key {call}")),
            (code.to_owned(), false),
            "{more}"
        );
    }
    // The last of them is for a domain, and good there.
    let by_domain = "--domain app.example.com --domain-secret-file secret";
    assert_eq!(folder.ok(&format!("run bundle {by_domain} --allow log {call}"), ""), b"3\n");
    let stranger = call.replace(issuer, &publisher);
    issue(&format!("--plugin-id {PLUGIN}"));
    assert_eq!(folder.refused(&format!("run bundle --key-file key {stranger}")).0, "plk_wrong_issuer");
}

#[test]
fn a_plugin_that_wants_too_much_is_stopped() {
    let (folder, publisher) = Folder::with_bundle();
    let run = format!("run bundle --key-file key --publisher {publisher}");
    for (line, code) in [
        ("--call forever --time 50ms", "plugin_timeout"),
        ("--call forever --fuel 100000000", "plugin_out_of_fuel"),
        ("--call trap", "plugin_trap"),
        ("--call fail", "plugin_failed"),
        ("--call nothing", "plugin_no_function"),
    ] {
        assert_eq!(folder.refused(&format!("{run} {line}")), (code.to_owned(), true), "{line}");
    }
    assert_eq!(
        folder.refused(&format!("{run} --memory 64K --call trap")),
        ("plugin_memory_limit".into(), false)
    );
    let output = folder.run(&format!("{run} --allow log --call fail"), "");
    assert!(String::from_utf8(output.stderr).unwrap().contains("this is what is wrong"));
}

/// Another character in the middle of base64.
fn flip(text: &mut Value) {
    let mut changed = text.as_str().unwrap().to_owned().into_bytes();
    let at = changed.len() / 2;
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    *text = String::from_utf8(changed).unwrap().into();
}
