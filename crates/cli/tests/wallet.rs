//! Wallets from end to end: what is kept is kept well, comes back, and is never replaced.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

const PASSPHRASE: &str = "four random words here";

/// A folder with a passphrase in it, and the settings of the person who runs commands there.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("passphrase"), PASSPHRASE).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, line: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealpost"));
        command.arg("wallet").args(line.split_whitespace()).current_dir(self.path());
        command.env("SEALPOST_CONFIG_DIR", self.path().join("settings")).stdin(Stdio::null());
        command.output().unwrap()
    }

    fn ok(&self, line: &str) -> Value {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn refused(&self, line: &str) -> String {
        let output = self.run(&format!("{line} --json"));
        assert!(!output.status.success(), "{line}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["error"]["code"].as_str().unwrap().to_owned()
    }
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_new_wallet_is_found_where_it_is_kept_by_default() {
    let folder = Folder::new();
    let new = folder.ok("new --passphrase-file passphrase --work-factor 10");
    assert!(new.get("privateKey").is_none() && new.get("mnemonic").is_none());
    assert_eq!(folder.ok("show --passphrase-file passphrase"), new);
    assert_eq!(mode(folder.path().join("settings/wallet.age")), 0o600);
    assert_eq!(mode(folder.path().join("settings")), 0o700);
}

#[test]
fn the_words_that_are_kept_are_the_words_that_are_revealed() {
    let folder = Folder::new();
    let new = folder
        .ok("new --reveal --words 18 --language spanish --mnemonic-file words --keystore kept.age \
         --passphrase-file passphrase --work-factor 10 --curve ed25519 --index 3");
    let words = fs::read_to_string(folder.path().join("words")).unwrap();
    assert_eq!(new["mnemonic"].as_str().unwrap(), words.trim_end_matches('\n'));
    assert_eq!((mode(folder.path().join("words")), mode(folder.path().join("kept.age"))), (0o600, 0o600));

    let mut shown = folder.ok("show --reveal --mnemonic-file words --curve ed25519 --index 3");
    shown["mnemonic"] = new["mnemonic"].clone();
    assert_eq!(shown, new);
    let export = folder.ok("export --keystore kept.age --passphrase-file passphrase");
    assert_eq!(export["mnemonic"], new["mnemonic"]);
    assert_eq!((export["words"].as_u64(), export["language"].as_str()), (Some(18), Some("spanish")));
}

#[test]
fn words_with_a_bip_39_passphrase_move_to_a_keystore_and_back() {
    let folder = Folder::new();
    fs::write(folder.path().join("more"), "more\n").unwrap();
    let new = folder.ok("new --mnemonic-file words --bip39-passphrase-file more");
    let keep = "--passphrase-file passphrase --bip39-passphrase-file more";
    assert_eq!(folder.ok(&format!("import --mnemonic-file words --work-factor 10 {keep}")), new);
    assert_eq!(folder.ok(&format!("show {keep}")), new);
    assert_ne!(folder.ok("show --mnemonic-file words"), new);
    assert_eq!(folder.ok("export --passphrase-file passphrase")["bip39Passphrase"], true);
}

#[test]
fn nothing_is_ever_replaced_and_nothing_half_done_stays() {
    let folder = Folder::new();
    folder.ok("new --passphrase-file passphrase --work-factor 10");
    let kept = fs::read(folder.path().join("settings/wallet.age")).unwrap();
    assert_eq!(folder.refused("new --passphrase-file passphrase --mnemonic-file words"), "file_exists");
    assert_eq!(fs::read(folder.path().join("settings/wallet.age")).unwrap(), kept);
    assert_eq!(folder.refused("new --mnemonic-file words --passphrase-file missing"), "file_exists");
    assert_eq!(
        folder.refused("new --keystore b.age --mnemonic-file words --passphrase-file missing"),
        "secret_file"
    );
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["passphrase", "settings"]);
}
