//! A store, a printer and an agent, each of a user of its own, with a tap on both lines between them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sealpost_api::catalogue::NewListing;
use sealpost_api::job::Job;
use sealpost_api::purchase::Payment;
use sealpost_envelope::{PrinterSecret, nacl_box};
use sealpost_market::JobState;
use sealpost_tests::agent::Agent;
use sealpost_tests::person::{self, PASSWORD, Person};
use sealpost_tests::printer::{self, Printer};
use sealpost_tests::programs::real_klipper;
use sealpost_tests::service::free_port;
use sealpost_tests::store::{self, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::canary::Secret;
use crate::tap::Tap;
use crate::users::{AGENT, KLIPPER, STORE, User, shared_python};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Everything, running.
pub(crate) struct World {
    pub(crate) store: Store,
    /// Between the agent and the store.
    pub(crate) store_tap: Tap,
    /// Between everybody and Moonraker.
    pub(crate) moonraker_tap: Tap,
    pub(crate) seller: Person,
    pub(crate) buyer: Person,
    pub(crate) printer: Printer,
    pub(crate) agent: Agent,
    pub(crate) printer_id: String,
    // Last, so that it outlives the programs that write to it.
    folder: TempDir,
}

/// What a test wants to be different.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    /// Lines a second that the stand-in executes.
    pub(crate) rate: u32,
    /// Hands files over by command, agent and Klipper of one user.
    pub(crate) compatible: bool,
    /// Lets the stand-in write down what it executes.
    pub(crate) recorded: bool,
}

impl World {
    /// Starts everything, as it stands after an installation.
    pub(crate) async fn start(wishes: Wishes) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("sealpost-secrecy-").tempdir()?;
        let at = folder.path();
        let agent_user = if wishes.compatible { KLIPPER } else { AGENT };
        fs::set_permissions(at, fs::Permissions::from_mode(0o711))?;
        for (name, user, group, mode) in [
            ("store", STORE, STORE, 0o700),
            ("agent", agent_user, agent_user, 0o700),
            // Who listens owns the folder, who may call is its group.
            ("handover", KLIPPER, agent_user, 0o2750),
            ("sockets", agent_user, KLIPPER, 0o2750),
        ] {
            own(&at.join(name), user, group, mode)?;
        }

        let store_tap = Tap::start().await?;
        let port = free_port()?;
        store_tap.lead_to(port);
        let options = store::Options {
            config: format!("public_url = {:?}\n", store_tap.url),
            port: Some(port),
            prefix: STORE.prefix(&at.join("store")),
            ..store::Options::default()
        };
        let store = Store::start(at, &options)?;
        let seller = store.operator().await?;
        let buyer = store.person("buyer").await?;

        let socket = at.join("handover/sealpost.sock");
        let options = printer::Options {
            rate: wishes.rate,
            extra: format!(
                "agent_user: {}\nsocket: {}\ncompatible: {}\n",
                agent_user.0,
                socket.display(),
                wishes.compatible
            ),
            prefix: KLIPPER.prefix(&at.join("printer_data")),
            owner: Some((KLIPPER.0, KLIPPER.0)),
            agent_socket: Some(at.join("sockets/agent.sock")),
            unrecorded: !wishes.recorded,
            python: Some(shared_python()?),
            ..printer::Options::default()
        };
        let printer = Printer::start(at, options)?;
        let moonraker_tap = Tap::start().await?;
        let port = printer.moonraker_url.rsplit(':').next().context("Moonraker has no port")?;
        moonraker_tap.lead_to(port.parse()?);

        let mut agent = Agent::prepare(at, &printer, "")?;
        agent.prefix = agent_user.prefix(&at.join("agent"));
        let settings = format!(
            "state_dir = {:?}\ncache_dir = {:?}\nmoonraker_url = {:?}\nagent_socket = {:?}\nhandover_socket = {socket:?}\ncompatible = {}\n",
            agent.state,
            agent.cache,
            moonraker_tap.url,
            printer.agent_socket(),
            wishes.compatible,
        );
        fs::write(&agent.config, settings)?;
        let printer_id = agent.pair(&store_tap.url, &buyer).await?;
        agent.start()?;
        Ok(Self { store, store_tap, moonraker_tap, seller, buyer, printer, agent, printer_id, folder })
    }

    /// The folder that goes away with it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sells `file` for many prints; gives the buyer's licence.
    pub(crate) async fn sell(&self, id: &str, file: &[u8]) -> Result<String> {
        self.sell_as(id, file, false).await
    }

    /// The same with a file that is sealed once for all.
    pub(crate) async fn sell_once(&self, id: &str, file: &[u8]) -> Result<String> {
        self.sell_as(id, file, true).await
    }

    async fn sell_as(&self, id: &str, file: &[u8], seal_once: bool) -> Result<String> {
        // Where nothing is searched: it is what the seller has.
        let source = tempfile::NamedTempFile::new()?;
        fs::write(source.path(), file)?;
        let listing = NewListing {
            id: Some(id.to_owned()),
            title: format!("Part {id}"),
            prints: Some(100),
            seal_once,
            ..NewListing::default()
        };
        self.seller.offer(&listing).await?;
        self.seller.publish(id, "1.0.0", source.path()).await?;
        Ok(self.buyer.buy(id, Payment::Free).await?.id)
    }

    /// Sends a print and waits until Klipper is at it, or it is over. The store hears of a start before there is one.
    pub(crate) async fn print(&self, licence: &str) -> Result<Job> {
        let sent = self.buyer.print(licence, &self.printer_id).await?;
        let name = format!("sealpost/{}.gcode", sent.id);
        let begun = async {
            loop {
                let job = self.buyer.job(&sent.id).await?;
                let stats = self.printer.object("print_stats").await.unwrap_or_default();
                if job.state.is_final()
                    || (stats["filename"] == name.as_str() && stats["state"] == "printing")
                {
                    return Ok(job);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, begun).await.context("the print did not begin")?
    }

    /// Waits for the end of a job.
    pub(crate) async fn end_of(&self, job: &Job) -> Result<Job> {
        self.buyer.follow_to_end(&job.id, PATIENCE).await
    }

    /// Asks Moonraker through the tap; the answer may be an error.
    pub(crate) async fn ask(&self, method: &str, params: Value) -> Result<Value> {
        let request = json!({"jsonrpc": "2.0", "method": method, "params": params, "id": 1});
        let url = format!("{}/server/jsonrpc", self.moonraker_tap.url);
        Ok(person::client()?.post(url).json(&request).send().await?.json().await?)
    }

    /// What a command of the agent says, good or not, as the agent's user.
    pub(crate) fn says(&self, arguments: &[&str]) -> Result<String> {
        let output = self.agent.command()?.args(arguments).output()?;
        Ok(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
    }

    /// What the agent says of the protection of what it will hand over; waits until it knows.
    pub(crate) async fn reduced(&self) -> Result<bool> {
        let asked = async {
            loop {
                let status: Value = serde_json::from_str(&self.says(&["status", "--json"])?)?;
                if let Some(reduced) = status["reduced"].as_bool() {
                    return Ok(reduced);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asked)
            .await
            .context("the agent does not know whether files are protected")?
    }

    /// Pauses the print, until the store has heard of it.
    pub(crate) async fn pause(&self, job: &Job) -> Result<()> {
        let answer = self.ask("printer.print.pause", json!({})).await?;
        ensure!(answer["result"] == "ok", "{answer}");
        self.buyer.follow(&job.id, PATIENCE, |job| job.state == JobState::Paused).await.map(drop)
    }

    /// The process of Klipper.
    pub(crate) fn klipper_pid(&self) -> Result<i32> {
        Ok(self.printer.klipper.as_ref().context("no Klipper")?.host.pid())
    }

    /// The process of the agent.
    pub(crate) fn agent_pid(&self) -> Result<i32> {
        Ok(self.agent.service.as_ref().context("no agent")?.pid())
    }

    /// The printer's private key, from the agent's own file.
    pub(crate) fn identity(&self) -> Result<PrinterSecret> {
        let mut key = [0; 32];
        hex::decode_to_slice(fs::read_to_string(self.agent.state.join("identity.key"))?.trim(), &mut key)?;
        Ok(PrinterSecret::from_bytes(key))
    }

    /// All keys, tokens and passwords in play; the content keys are those of the packages that passed the tap.
    pub(crate) fn secrets(&self) -> Result<Vec<Secret>> {
        let identity = self.identity()?;
        let token: Value = serde_json::from_slice(&fs::read(self.agent.state.join("token.json"))?)?;
        let token = token["token"].as_str().context("the agent has no token")?;
        let mut secrets = vec![
            Secret::bytes("printer key", identity.expose()),
            Secret::text("printer token", token),
            Secret::text("token's signature", token.rsplit('.').next().unwrap_or(token)),
            Secret::text("password", PASSWORD),
            Secret::text("buyer's token", &self.buyer.token),
            Secret::text("seller's token", &self.seller.token),
        ];
        secrets.extend(self.content_keys()?.iter().map(|key| Secret::content_key("content key", key)));
        Ok(secrets)
    }

    /// The content keys of all packages that passed the tap.
    pub(crate) fn content_keys(&self) -> Result<Vec<[u8; 32]>> {
        let identity = self.identity()?;
        let packages = self.store_tap.heard().into_iter().flat_map(|talk| packages(&talk.answered));
        packages
            .map(|package| {
                let key = nacl_box::unwrap(&package, &identity).context("a package of another printer")?;
                Ok(*key.expose())
            })
            .collect()
    }
}

/// So many layers, or as many as a real Klipper, whose moves take their time, prints meanwhile.
pub(crate) fn layers(stand_in: u32) -> u32 {
    if real_klipper().is_some() { stand_in.min(20) } else { stand_in }
}

/// Makes a folder of somebody's.
pub(crate) fn own(path: &Path, user: User, group: User, mode: u32) -> Result<PathBuf> {
    fs::create_dir_all(path)?;
    chown(path, Some(user.0), Some(group.0))?;
    // Last: giving a folder away takes its special bits.
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(path.to_owned())
}

/// The key packages in the answers of a store.
fn packages(answers: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(answers);
    let mut found: Vec<String> = text
        .split("\"gcode_dek_package\":\"")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
        .collect();
    found.dedup();
    found
}
