#![expect(clippy::unwrap_used, reason = "test support: a failure here is a failed test")]

pub(crate) mod printer;
pub(crate) mod store;

use std::{path::PathBuf, time::Duration};

use sealpost_printer::{Agent, Settings, local::Client};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

use self::{printer::FakePrinter, store::FakeStore};

/// An agent between a store and a printer.
pub(crate) struct Scene {
    pub(crate) store: FakeStore,
    pub(crate) printer: FakePrinter,
    pub(crate) folder: TempDir,
    /// Further lines of the agent's settings.
    pub(crate) more: String,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Scene {
    /// Starts all three; the agent is paired.
    pub(crate) async fn start() -> Self {
        Self::start_with("").await
    }

    /// The same with further lines of the agent's settings.
    pub(crate) async fn start_with(more: &str) -> Self {
        // Every test of this program may be the first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let store = FakeStore::start().await;
        let printer = FakePrinter::start(folder.path());
        let mut scene = Self { store, printer, folder, more: more.to_owned(), running: None };
        scene.start_agent().await;
        let mut client = scene.client().await;
        let started = client.call("pair_start", json!({"store": scene.store.url})).await.unwrap();
        let done = client.call("pair_complete", json!({"session_id": started["session_id"]})).await.unwrap();
        assert_eq!(done["printer_id"], store::PRINTER);
        scene
    }

    pub(crate) async fn start_agent(&mut self) {
        let config = self.folder.path().join("printer.toml");
        let path = |name: &str| self.folder.path().join(name);
        let text = format!(
            "state_dir = {:?}\ncache_dir = {:?}\ngcodes_dir = {:?}\nmoonraker_socket = {:?}\nhandover_socket = {:?}\nagent_socket = {:?}\nkeep_stubs = 3\n",
            path("state"),
            path("cache"),
            path("gcodes"),
            path("moonraker.sock"),
            path("sealpost.sock"),
            path("agent.sock"),
        ) + &self.more;
        std::fs::write(&config, text).unwrap();
        let (agent, mail) = Agent::open(Settings::load(Some(&config)).unwrap()).unwrap();
        let (stop, stopped) = oneshot::channel();
        let run = tokio::spawn(async move {
            agent.run(mail, async { drop(stopped.await) }).await.unwrap();
        });
        self.running = Some((stop, run));
        let _ = self.client().await;
    }

    pub(crate) async fn stop_agent(&mut self) {
        if let Some((stop, run)) = self.running.take() {
            let _ = stop.send(());
            run.await.unwrap();
        }
    }

    pub(crate) async fn client(&self) -> Client {
        let path: PathBuf = self.folder.path().join("agent.sock");
        eventually("the agent's socket", || {
            let path = path.clone();
            async move { Client::connect(&path).await.unwrap() }
        })
        .await
    }

    pub(crate) async fn status(&self) -> Value {
        self.client().await.call("status", Value::Null).await.unwrap()
    }

    /// Waits until a job has ended at the store; gives its last message.
    pub(crate) async fn ended(&self, job: &str) -> (String, String) {
        eventually("the end of the job", || async {
            self.store.job(job, |job| {
                let last = job.reports.last()?;
                let word = format!("{:?}", last.status).to_lowercase();
                let ended = ["success", "failure", "cancelled", "interrupted"].contains(&word.as_str());
                ended.then(|| (word, last.message.clone().unwrap_or_default()))
            })
        })
        .await
    }
}

/// Asks again and again, until there is something or half a minute is over.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let asking = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking)
        .await
        .unwrap_or_else(|_| panic!("{what} did not come"))
}
