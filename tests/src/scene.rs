//! The usual beginning of a printer test: a store, people, a printer with its agent, a licence.

use std::path::Path;

use anyhow::Result;
use sealpost_api::catalogue::NewListing;
use sealpost_api::purchase::Payment;
use tempfile::TempDir;

use crate::agent::Agent;
use crate::disk::Disk;
use crate::person::Person;
use crate::printer::{self, Printer};
use crate::proxy::Proxy;
use crate::store::{self, Store};

/// Everything that a print needs, running.
pub struct Scene {
    /// The store.
    pub store: Store,
    /// What stands between the agent and the store.
    pub proxy: Proxy,
    /// Who sells.
    pub seller: Person,
    /// Who buys and owns the printer.
    pub buyer: Person,
    /// Klipper's side and Moonraker.
    pub printer: Printer,
    /// The agent, paired and running.
    pub agent: Agent,
    /// The printer's id at the store.
    pub printer_id: String,
    /// What store and agent write to, where that was wished for.
    pub disks: Option<Disks>,
    // Last, so that it outlives the programs that write to it.
    folder: TempDir,
}

/// A small disk for each.
#[derive(Debug)]
pub struct Disks {
    /// Of the store: database, blobs, keys.
    pub store: Disk,
    /// Of the agent: its state and its blobs.
    pub agent: Disk,
}

/// What a test wants to be different.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Of the store.
    pub store: store::Options,
    /// Of the printer.
    pub printer: printer::Options,
    /// Further lines of the agent's settings.
    pub agent: String,
    /// Runs store and agent with fault points in them.
    pub armed: bool,
    /// Bytes of a disk of its own for the store, and for the agent.
    pub disks: Option<(u64, u64)>,
}

impl Scene {
    /// Starts everything.
    pub async fn start(wishes: Wishes) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("sealpost-").tempdir()?;
        let proxy = Proxy::start().await?;
        let mut options = wishes.store;
        options.armed = wishes.armed;
        options.config = format!("public_url = {:?}\n{}", proxy.url, options.config);
        let disks = wishes.disks.map(|sizes| Disks::under(folder.path(), sizes)).transpose()?;
        if let Some(disks) = &disks {
            options.prefix = disks.store.prefix();
        }
        let mut store = Store::start(folder.path(), &options)?;
        proxy.lead_to(&store.url);
        let seller = store.operator().await?;
        let buyer = store.person("buyer").await?;
        let printer = Printer::start(folder.path(), wishes.printer)?;
        let mut agent = Agent::prepare(folder.path(), &printer, &wishes.agent)?;
        agent.armed = wishes.armed;
        if let Some(disks) = &disks {
            agent.prefix = disks.agent.prefix();
            store.data = disks.store.path();
            agent.state = disks.agent.path().join("state");
            agent.cache = disks.agent.path().join("cache");
        }
        let printer_id = agent.pair(&proxy.url, &buyer).await?;
        agent.start()?;
        Ok(Self { store, proxy, seller, buyer, printer, agent, printer_id, disks, folder })
    }

    /// The folder that goes away with the scene.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sells `file` for `prints` prints; gives the buyer's licence.
    pub async fn sell(&self, id: &str, file: &Path, prints: u32) -> Result<String> {
        self.sell_as(id, file, prints, false).await
    }

    /// The same with the listing's sealing policy.
    pub async fn sell_as(&self, id: &str, file: &Path, prints: u32, seal_once: bool) -> Result<String> {
        let listing = NewListing {
            id: Some(id.to_owned()),
            title: format!("Part {id}"),
            prints: Some(prints),
            free_retries: Some(0),
            seal_once,
            ..NewListing::default()
        };
        self.seller.offer(&listing).await?;
        self.seller.publish(id, "1.0.0", file).await?;
        Ok(self.buyer.buy(id, Payment::Free).await?.id)
    }
}

impl Disks {
    fn under(folder: &Path, (store, agent): (u64, u64)) -> Result<Self> {
        Ok(Self {
            store: Disk::over(&folder.join("store"), store)?,
            agent: Disk::over(&folder.join("agent"), agent)?,
        })
    }
}
