//! A store with something to print, its people, and a printer with the plugin.

use std::time::Duration;

use anyhow::{Context, Result};
use sealpost_api::catalogue::NewListing;
use sealpost_api::job::Job;
use sealpost_api::purchase::{Licence, Payment};
use sealpost_market::JobState;
use sealpost_tests::parts;
use sealpost_tests::person::Person;
use sealpost_tests::proxy::Proxy;
use sealpost_tests::store::{Options, Store};
use serde_json::json;

use crate::plugin::Plugin;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Everything a print needs, but a registered printer.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) proxy: Proxy,
    pub(crate) seller: Person,
    pub(crate) buyer: Person,
    pub(crate) plugin: Plugin,
    pub(crate) part: Vec<u8>,
    pub(crate) licence: String,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    /// With `retries` free retries and further lines of the store's configuration.
    pub(crate) async fn open(retries: u32, config: &str) -> Result<Self> {
        Self::selling(&["--layers", "3", "--latin1"], retries, config).await
    }

    /// The same with a part made by these options.
    pub(crate) async fn selling(part: &[&str], retries: u32, config: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("sealpost-").tempdir()?;
        let proxy = Proxy::start().await?;
        let config = format!("public_url = {:?}\n{config}", proxy.url);
        let store = Store::start(folder.path(), &Options { config, ..Options::default() })?;
        proxy.lead_to(&store.url);
        let seller = store.operator().await?;
        let buyer = store.person("buyer").await?;
        let listing = NewListing {
            id: Some("ring".to_owned()),
            title: "Ring".to_owned(),
            prints: Some(5),
            free_retries: Some(retries),
            ..NewListing::default()
        };
        seller.offer(&listing).await?;
        let file = parts::made(folder.path(), "ring.gcode", part)?;
        seller.publish("ring", "1", &file).await?;
        let licence = buyer.buy("ring", Payment::Free).await?.id;
        let plugin = Plugin::start(&proxy.url, folder.path())?;
        Ok(Self { store, proxy, seller, buyer, plugin, part: std::fs::read(file)?, licence, folder })
    }

    /// Registers by the buyer's token; gives the printer's id.
    pub(crate) fn register(&mut self) -> Result<String> {
        let fields = json!({"user_token": self.buyer.token, "name": "Old faithful"});
        let kept = self.plugin.ask("register", fields)?;
        Ok(kept["printer_id"].as_str().unwrap_or_default().to_owned())
    }

    /// Sends a print and waits until the printer can have it.
    pub(crate) async fn send(&self, printer: &str) -> Result<String> {
        let job = self.buyer.print(&self.licence, printer).await?;
        let ready = |job: &Job| job.state == JobState::ReadyToPrint;
        Ok(self.buyer.follow(&job.id, PATIENCE, ready).await?.id)
    }

    /// Sends a print and has the plugin poll it.
    pub(crate) async fn claimed(&mut self, printer: &str) -> Result<String> {
        let sent = self.send(printer).await?;
        assert_eq!(self.plugin.poll()?.as_ref(), Some(&sent));
        Ok(sent)
    }

    /// Prints used and reserved.
    pub(crate) async fn prints(&self) -> Result<(u32, u32)> {
        let licences = self.buyer.licences().await?;
        let licence: &Licence =
            licences.iter().find(|licence| licence.id == self.licence).context("no licence")?;
        Ok((licence.prints_used, licence.prints_reserved))
    }
}
