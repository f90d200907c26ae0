//! What is wrong with a backup, a passphrase or a place is told by its own code, and nothing is written.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use anyhow::Result;
use sealpost_tests::backup::Shelf;
use sealpost_tests::parts;
use sealpost_tests::programs::built;
use sealpost_tests::store::{Options, Store};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_that_is_wrong_has_a_code_of_its_own() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let shelf = Shelf::new(folder.path())?;
    let here = folder.path().join("here");
    let store = Store::start(&here, &Options::default())?;
    // Large enough for more than one piece of what seals it.
    let seller = store.operator().await?;
    seller.offer(&serde_json::from_value(json!({"id": "ring", "title": "Ring"}))?).await?;
    let part = parts::made(folder.path(), "ring.gcode", &["--layers", "3", "--size", "400000"])?;
    seller.publish("ring", "1", &part).await?;
    shelf.back_up(&here, "good")?;
    assert_eq!(fs::metadata(shelf.file("good"))?.permissions().mode() & 0o777, 0o600);

    let good = fs::read(shelf.file("good"))?;
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    fs::write(shelf.file("flipped"), flipped)?;
    fs::write(shelf.file("cut in its head"), &good[..100])?;
    fs::write(shelf.file("cut"), &good[..good.len() - good.len() / 3])?;
    fs::write(shelf.file("no backup"), "a letter to somebody")?;
    let inside = |old: &str, new: &str| -> Result<Vec<u8>> {
        let mut tar = shelf.opened("good")?;
        let at = tar.windows(old.len()).position(|bytes| bytes == old.as_bytes()).unwrap_or_default();
        tar[at..at + old.len()].copy_from_slice(new.as_bytes());
        Ok(tar)
    };
    shelf.forge("newer format", &inside("\"format\":1", "\"format\":2")?)?;
    shelf.forge("newer store", &inside("m0004_chain", "m0044_chain")?)?;
    shelf.forge("another row", &inside("operator@example.org", "intruder@example.org")?)?;
    for (name, code) in [
        ("flipped", "backup_damaged"),
        ("cut", "backup_truncated"),
        ("cut in its head", "backup_truncated"),
        ("no backup", "no_backup"),
        ("newer format", "backup_format"),
        ("newer store", "backup_newer"),
        ("another row", "backup_damaged"),
    ] {
        let refused = shelf.check(name).expect_err(name);
        assert_eq!(refused.to_string(), code, "{name}");
    }
    // Nothing is begun for what is known to be wrong before.
    for (name, code) in [("newer format", "backup_format"), ("newer store", "backup_newer")] {
        let place = folder.path().join(format!("place for a {name}"));
        let refused = shelf.restore(name, &place, &Options::default()).expect_err(name);
        assert_eq!(refused.to_string(), code);
        assert!(!place.join("store/store.sqlite").exists());
    }
    // A place in use.
    let refused = shelf.restore("good", &here, &Options::default()).expect_err("in use");
    assert_eq!(refused.to_string(), "data_in_use");
    drop(store);
    let refused = shelf.restore("good", &here, &Options::default()).expect_err("not empty");
    assert_eq!(refused.to_string(), "store_not_empty");
    fs::write(shelf.file("passphrase"), "another passphrase\n")?;
    assert_eq!(shelf.check("good").expect_err("passphrase").to_string(), "passphrase");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_replaces_no_file_and_leaves_none_that_looks_whole() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let shelf = Shelf::new(folder.path())?;
    let here = folder.path().join("here");
    let _store = Store::start(&here, &Options::default())?;
    let backup = |file: &str| -> Result<(bool, String)> {
        let mut command = Command::new(built("sealpost")?);
        command.args(["backup", file, "--work-factor", "10", "--data"]).arg(here.join("store"));
        let output = command.arg("--passphrase-file").arg(shelf.file("passphrase")).output()?;
        Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    let file = shelf.file("there").display().to_string();
    fs::write(&file, "mine")?;
    let (done, said) = backup(&file)?;
    assert!(!done && said.contains("(file_exists)"), "{said}");
    assert_eq!(fs::read_to_string(&file)?, "mine");
    let (done, said) = backup("/dev/full")?;
    assert!(!done && said.contains("No space left") && said.contains("(output_file)"), "{said}");
    let before = fs::read_dir(folder.path())?.count();
    let (done, _) = backup(&folder.path().join("no/such/folder").display().to_string())?;
    assert!(!done);
    assert_eq!(fs::read_dir(folder.path())?.count(), before, "something was left behind");
    Ok(())
}
