//! The agent's package: installed, wired, removed, purged.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::debian::Debian;
use crate::picture::{difference, picture};

/// What dpkg and its programs write down of every package.
const OF_DPKG: [&str; 5] =
    ["var/lib/dpkg", "var/log", "var/cache/ldconfig", "etc/ld.so.cache", "run/adduser"];

/// Both packages: agent, store.
pub(crate) fn packages() -> Result<Vec<PathBuf>> {
    let folder =
        std::env::var_os("SEALPOST_TEST_PACKAGES").context("run this by `cargo xtask test install`")?;
    let mut found: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .collect();
    // `sealpost-printer_...` sorts before `sealpost_...`.
    found.sort();
    Ok(found)
}

pub(crate) fn put(debian: &Debian, package: &PathBuf) -> Result<()> {
    fs::copy(package, debian.at("root/package.deb"))?;
    debian.success(&mut debian.below("0:0", &["dpkg", "--install", "/root/package.deb"]))?;
    fs::remove_file(debian.at("root/package.deb"))?;
    Ok(())
}

#[test]
fn installed_by_the_package_and_purged_the_tree_is_as_before() -> Result<()> {
    let debian = Debian::with_printer(7125)?;
    let before = picture(&debian.at(""), &OF_DPKG)?;
    put(&debian, &packages()?[0])?;
    let wired = debian.success(&mut debian.below("0:0", &["sealpost-printer", "install", "--yes"]))?;
    assert!(!wired.contains("program  /usr/local"), "{wired}");
    let cfg = fs::read_to_string(debian.at("home/pi/printer_data/config/printer.cfg"))?;
    assert!(cfg.contains("[include sealpost.cfg]"), "{cfg}");
    assert!(debian.at("home/pi/klipper/klippy/extras/sealpost").symlink_metadata()?.is_symlink());

    // Removed without a word to `uninstall`: Klipper must not be left with a section whose extra is gone.
    fs::write(debian.at("var/lib/sealpost-printer/identity.key"), "00")?;
    debian.success(&mut debian.below("0:0", &["dpkg", "--remove", "sealpost-printer"]))?;
    let cfg = fs::read_to_string(debian.at("home/pi/printer_data/config/printer.cfg"))?;
    assert!(!cfg.contains("sealpost"), "{cfg}");
    assert!(debian.at("var/lib/sealpost-printer/identity.key").exists(), "keys stay until they are purged");

    debian.success(&mut debian.below("0:0", &["dpkg", "--purge", "sealpost-printer"]))?;
    assert_eq!(difference(&before, &picture(&debian.at(""), &OF_DPKG)?), [""; 0]);
    Ok(())
}

#[test]
fn the_stores_package_comes_and_goes_and_an_operators_settings_stay_until_it_is_purged() -> Result<()> {
    let debian = Debian::unpack()?;
    let before = picture(&debian.at(""), &OF_DPKG)?;
    let store = &packages()?[1];
    put(&debian, store)?;
    let wants = debian.at("etc/systemd/system/multi-user.target.wants/sealpost.service");
    assert!(wants.symlink_metadata()?.is_symlink(), "it starts with the machine");
    let settings = debian.at("etc/sealpost/store.toml");
    fs::write(&settings, "data_dir = \"/var/lib/sealpost\"\n# mine\n")?;
    put(&debian, store)?;
    assert!(fs::read_to_string(&settings)?.contains("# mine"));
    debian.success(&mut debian.below("0:0", &["sealpost", "serve", "--help"]))?;
    debian.success(&mut debian.below("0:0", &["dpkg", "--purge", "sealpost"]))?;
    // The folder of deb-systemd-helper's notes is shared by all packages.
    let besides: Vec<&str> =
        OF_DPKG.into_iter().chain(["var/lib/systemd/deb-systemd-helper-enabled"]).collect();
    let before: crate::picture::Picture = before
        .into_iter()
        .filter(|(path, _)| !path.starts_with("var/lib/systemd/deb-systemd-helper-enabled"))
        .collect();
    assert_eq!(difference(&before, &picture(&debian.at(""), &besides)?), [""; 0]);
    Ok(())
}
