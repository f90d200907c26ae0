//! The store as its package brings it and its unit runs it: with SQLite, with PostgreSQL, with a certificate of its own.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use reqwest::{Certificate, Client};
use rustix::process::Signal;
use sealpost_api::catalogue::NewListing;
use sealpost_api::purchase::Payment;
use sealpost_tests::parts;
use sealpost_tests::person::{Person, expect};
use sealpost_tests::postgres;
use sealpost_tests::programs::{python, root};
use sealpost_tests::service::Service;

use crate::debian::{Debian, run};
use crate::package::{packages, put};
use crate::sandbox::{Unit, traced};

const USER: &str = "sealpost-store:sealpost-store";
const PROGRAM: &str = "/usr/bin/sealpost";
const DATA: &str = "var/lib/sealpost";

struct Running {
    service: Service,
    url: String,
}

/// Starts what the unit starts, with these further lines of the configuration.
fn start(debian: &Debian, unit: &Unit, folder: &Path, name: &str, lines: &str) -> Result<Running> {
    let packaged = fs::read_to_string(root().join("packaging/store.toml"))?;
    fs::write(
        debian.at("etc/sealpost/store.toml"),
        format!("{packaged}\nlisten = \"127.0.0.1:0\"\n{lines}"),
    )?;
    let command = traced(&unit.command(debian, USER, &unit.start()?)?, &folder.join(format!("{name}.trace")));
    let service = Service::start(name, &command, folder)?;
    let line = service.wait_for("listening on http")?;
    let url = line.split_whitespace().find(|word| word.starts_with("http")).context("no address")?;
    let url = url.trim_end_matches(['/', '.']).to_owned();
    Ok(Running { service, url })
}

/// Empties the state folder, as systemd gives it.
fn state(debian: &Debian) -> Result<()> {
    let data = debian.at(DATA);
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    fs::create_dir(&data)?;
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
    let id = |flag: &str| -> Result<u32> {
        Ok(debian.success(&mut debian.below("0:0", &["id", flag, "sealpost-store"]))?.trim().parse()?)
    };
    chown(data, Some(id("-u")?), Some(id("-g")?))?;
    Ok(())
}

/// The first operator sells a file to a person: accounts, sealing, purchases.
async fn sell(debian: &Debian, running: &Running, folder: &Path) -> Result<()> {
    let link = fs::read_to_string(debian.at(DATA).join("setup-link"))?;
    let token = link.trim().split('#').nth(1).context("no token in the link")?;
    let seller = Person::set_up(&running.url, token).await?;
    let buyer = Person::register(&running.url, "buyer").await?;
    let file = parts::made(folder, "part.gcode", &["--layers", "2"])?;
    let listing = NewListing {
        id: Some("part".to_owned()),
        title: "Part".to_owned(),
        prints: Some(1),
        ..NewListing::default()
    };
    seller.offer(&listing).await?;
    seller.publish("part", "1.0.0", &file).await?;
    buyer.buy("part", Payment::Free).await?;
    assert_eq!(buyer.licences().await?.len(), 1);
    Ok(())
}

/// A certificate in the state folder, where the unit lets the store read it.
async fn answers_by_tls(debian: &Debian, unit: &Unit, folder: &Path) -> Result<()> {
    let paths = ["cert.pem", "key.pem"].map(|name| debian.at(DATA).join(name));
    run(Command::new(python()?).arg(root().join("tests/security/certificate.py")).args(&paths).arg("store"))?;
    let owner = fs::metadata(debian.at(DATA))?;
    for path in &paths {
        chown(path, Some(owner.uid()), Some(owner.gid()))?;
    }
    let lines = format!("tls_certificate = \"/{DATA}/cert.pem\"\ntls_key = \"/{DATA}/key.pem\"\n");
    let running = start(debian, unit, folder, "tls", &lines)?;
    let certificate = Certificate::from_pem(&fs::read(&paths[0])?)?;
    let client = Client::builder().no_proxy().tls_certs_only([certificate]).build()?;
    expect(client.get(format!("{}/ready", running.url)).send().await?).await?;
    running.service.signal(Signal::HUP)?;
    running.service.wait_for("the certificate was read anew")?;
    expect(client.get(format!("{}/ready", running.url)).send().await?).await?;
    running.service.stop()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_unit_lets_the_store_do_all_that_it_does() -> Result<()> {
    let debian = Debian::unpack()?;
    put(&debian, &packages()?[1])?;
    let unit = Unit::read("sealpost.service")?;
    let folder = tempfile::tempdir()?;

    let database = format!("database_url = \"{}\"\n", postgres::database()?);
    for (name, lines) in [("postgresql", database.as_str()), ("sqlite", "")] {
        state(&debian)?;
        let running = start(&debian, &unit, folder.path(), name, lines)?;
        sell(&debian, &running, folder.path()).await?;
        running.service.stop()?;
    }
    answers_by_tls(&debian, &unit, folder.path()).await?;

    for name in ["postgresql", "sqlite", "tls"] {
        let trace = fs::read_to_string(folder.path().join(format!("{name}.trace")))?;
        let used = unit.forbids_nothing_of(&trace, PROGRAM).context(name)?;
        assert!(used.contains("accept4"), "{name}: it is no trace of a server: {used:?}");
        assert!(used.contains("fsync") || used.contains("fdatasync"), "{name}: {used:?}");
    }
    Ok(())
}
