//! The usual beginning of a printer test: a store, people, a printer with its agent, a licence.

use std::path::Path;

use anyhow::Result;
use sealpost_api::catalogue::NewListing;
use sealpost_api::purchase::Payment;
use tempfile::TempDir;

use crate::agent::Agent;
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
    // Last, so that it outlives the programs that write to it.
    folder: TempDir,
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
}

impl Scene {
    /// Starts everything.
    pub async fn start(wishes: Wishes) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("sealpost-").tempdir()?;
        let proxy = Proxy::start().await?;
        let mut options = wishes.store;
        options.armed = wishes.armed;
        options.config = format!("public_url = {:?}\n{}", proxy.url, options.config);
        let store = Store::start(folder.path(), &options)?;
        proxy.lead_to(&store.url);
        let seller = store.operator().await?;
        let buyer = store.person("buyer").await?;
        let printer = Printer::start(folder.path(), wishes.printer)?;
        let mut agent = Agent::prepare(folder.path(), &printer, &wishes.agent)?;
        agent.armed = wishes.armed;
        let printer_id = agent.pair(&proxy.url, &buyer).await?;
        agent.start()?;
        Ok(Self { store, proxy, seller, buyer, printer, agent, printer_id, folder })
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
