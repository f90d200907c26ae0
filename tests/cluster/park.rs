//! Printers, processes of a store, a database: everything that runs, and what is sold.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use sealpost_api::catalogue::NewListing;
use sealpost_tests::agent::Agent;
use sealpost_tests::parts;
use sealpost_tests::person::Person;
use sealpost_tests::postgres::Cluster;
use sealpost_tests::printer::{self, Printer};
use sealpost_tests::proxy::Proxy;
use sealpost_tests::service::free_port;
use sealpost_tests::store::{Options, Store};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::wanted::Wanted;

/// Lines a second: a print takes some seconds.
const RATE: u32 = 30;
/// Printers that start at the same time.
const AT_ONCE: usize = 4;

pub(crate) struct Park {
    pub(crate) proxy: Proxy,
    /// Buys everything and owns every printer.
    pub(crate) owner: Person,
    pub(crate) parts: Vec<Part>,
    pub(crate) database: String,
    /// Where the stores keep their blobs.
    pub(crate) blobs: PathBuf,
    // Last, so that it outlives the programs that write to it.
    _folder: TempDir,
}

/// What can be killed.
pub(crate) struct Fleet {
    pub(crate) units: Vec<Unit>,
    pub(crate) stores: Vec<Process>,
    pub(crate) cluster: Cluster,
}

/// A printer: a stand-in Klipper, a real Moonraker, a real agent.
pub(crate) struct Unit {
    pub(crate) id: String,
    pub(crate) printer: Printer,
    pub(crate) agent: Agent,
    /// What was killed of it.
    pub(crate) killed: BTreeSet<&'static str>,
}

/// One process of the store.
pub(crate) struct Process {
    name: String,
    folder: PathBuf,
    options: Options,
    pub(crate) store: Option<Store>,
}

/// A file that is sold.
pub(crate) struct Part {
    /// Its listing.
    pub(crate) id: String,
    /// The lines of it, as they are executed; no two parts have the same first one.
    pub(crate) lines: Vec<String>,
}

impl Park {
    /// Starts everything.
    pub(crate) async fn open(wanted: &Wanted) -> Result<(Self, Fleet)> {
        let folder = tempfile::Builder::new().prefix("sealpost-").tempdir()?;
        let proxy = Proxy::start().await?;
        let mut cluster = Cluster::start()?;
        let database = cluster.database()?;
        let mut stores = Vec::new();
        for number in 0..wanted.stores {
            let options = Options {
                database_url: Some(database.clone()),
                config: format!("public_url = {:?}\nsweep_interval_ms = 1000\n", proxy.url),
                // The address stays the same over a restart: the proxy knows it.
                port: Some(free_port()?),
                ..Options::default()
            };
            let mut process = Process {
                name: format!("store-{number}"),
                folder: folder.path().to_path_buf(),
                options,
                store: None,
            };
            process.revive()?;
            stores.push(process);
        }
        let first = stores[0].store.as_ref().context("the first store runs")?;
        first.operator().await?;
        let urls = stores.iter().filter_map(|process| Some(process.store.as_ref()?.url.clone()));
        proxy.lead_to_all(urls.collect());
        let seller = Person::register(&proxy.url, "seller").await?;
        let owner = Person::register(&proxy.url, "owner").await?;
        let parts = offer(&seller, folder.path(), wanted).await?;
        let units = printers(&proxy.url, &owner, folder.path(), wanted.printers).await?;
        let blobs = folder.path().join("store/blobs");
        let park = Self { proxy, owner, parts, database, blobs, _folder: folder };
        Ok((park, Fleet { units, stores, cluster }))
    }
}

impl Process {
    /// Kills it.
    pub(crate) fn die(&mut self) -> Result<()> {
        self.store.take().map_or(Ok(()), |store| store.service.kill())
    }

    /// Starts it, if it does not run. It does not without its database.
    pub(crate) fn revive(&mut self) -> Result<()> {
        if self.store.is_none() {
            self.store = Some(Store::start_beside(&self.folder, &self.name, &self.options)?);
        }
        Ok(())
    }
}

impl Unit {
    /// The lines that its Klipper has executed.
    pub(crate) fn executed(&self) -> Result<Vec<String>> {
        match self.printer.executed() {
            // Nothing was printed yet.
            Err(error) if error.downcast_ref().is_some_and(is_missing) => Ok(Vec::new()),
            executed => executed,
        }
    }

    /// The state document of its agent.
    pub(crate) fn document(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&fs::read(self.agent.state.join("state.json"))?)?)
    }

    /// Whether nothing is at hand any more and every report was taken.
    pub(crate) fn rests(&self) -> Result<bool> {
        let document = self.document()?;
        Ok(document["job"].is_null() && document["outbox"].as_array().is_some_and(Vec::is_empty))
    }
}

fn is_missing(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound
}

async fn offer(seller: &Person, folder: &Path, wanted: &Wanted) -> Result<Vec<Part>> {
    let made = fs::read(parts::made(folder, "part.gcode", &["--layers", "1"])?)?;
    let mut all = Vec::new();
    for number in 0..wanted.parts() {
        let id = format!("part-{number}");
        let file = folder.join(format!("{id}.gcode"));
        fs::write(&file, [format!("; {id} of the collection\n").as_bytes(), &made].concat())?;
        let listing = NewListing {
            id: Some(id.clone()),
            title: format!("Part {number}"),
            prints: Some(wanted.prints()),
            free_retries: Some(1),
            // Some are sealed once, most anew for each job.
            seal_once: number % 4 == 3,
            ..NewListing::default()
        };
        seller.offer(&listing).await?;
        seller.publish(&id, "1.0.0", &file).await?;
        all.push(Part { id, lines: parts::lines(&fs::read(&file)?) });
    }
    Ok(all)
}

async fn printers(store: &str, owner: &Person, folder: &Path, number: usize) -> Result<Vec<Unit>> {
    // The newest printer of an owner is the one that was paired last.
    let pairing = Arc::new(Mutex::new(()));
    let units = stream::iter(0..number).map(|number| {
        let (store, owner, pairing) = (store.to_owned(), owner.clone(), Arc::clone(&pairing));
        let folder = folder.join(format!("printer-{number}"));
        let runtime = Handle::current();
        let made = tokio::task::spawn_blocking(move || -> Result<Unit> {
            fs::create_dir_all(&folder)?;
            let options = printer::Options { rate: RATE, ..printer::Options::default() };
            let printer = Printer::start(&folder, options)?;
            let mut agent = Agent::prepare(&folder, &printer, "poll_interval_seconds = 5\n")?;
            let id = runtime.block_on(async {
                let _alone = pairing.lock().await;
                agent.pair(&store, &owner).await
            })?;
            agent.start()?;
            Ok(Unit { id, printer, agent, killed: BTreeSet::new() })
        });
        async move { made.await? }
    });
    units.buffered(AT_ONCE).try_collect().await
}
