//! How a print ended, as everybody sees it who may ask: its buyer, its seller, the owner at the printer, the kernel.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sealpost_api::job::Job;
use sealpost_api::purchase::Licence;
use sealpost_market::JobState;
use sealpost_tests::parts;
use sealpost_tests::printer;
use sealpost_tests::programs::real_klipper;
use sealpost_tests::scene::{Scene, Wishes};
use sealpost_tests::terminal::Terminal;
use serde_json::{Value, json};

use crate::open_files;

pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(30);

/// A printer with a licence of many prints for one file, and its buyer at a terminal.
pub(crate) struct Shop {
    pub(crate) scene: Scene,
    pub(crate) licence: String,
    pub(crate) file: Vec<String>,
    terminal: Terminal,
}

/// A job, and how things stood before it was sent.
pub(crate) struct Sent {
    pub(crate) id: String,
    before: Licence,
    executed: usize,
}

/// What an end does to the licence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Costs {
    /// The print is given back.
    Nothing,
    /// It counts as printed.
    APrint,
    /// It is held until somebody decides.
    Undecided,
}

/// A stand-in slow enough that something can happen in mid-print.
pub(crate) fn slowly() -> Wishes {
    Wishes { printer: printer::Options { rate: 150, ..printer::Options::default() }, ..Wishes::default() }
}

/// The same with files handed over by command.
pub(crate) fn compatible() -> Wishes {
    let slow = slowly();
    let printer = printer::Options { extra: "compatible: True".to_owned(), ..slow.printer };
    Wishes { printer, agent: "compatible = true\nallow_reduced = true\n".to_owned(), ..slow }
}

impl Shop {
    pub(crate) async fn open(wishes: Wishes) -> Result<Self> {
        let scene = Scene::start(wishes).await?;
        let part = parts::made(scene.folder(), "part.gcode", &["--layers", "6"])?;
        let licence = scene.sell("part", &part, 1_000).await?;
        let terminal = Terminal::new(&scene.store.url)?;
        terminal.json(&["login", "--email", &scene.buyer.email, "--password-file", "password"])?;
        Ok(Self { scene, licence, file: parts::lines(&fs::read(part)?), terminal })
    }

    /// Sends a print of the part.
    pub(crate) async fn send(&self) -> Result<Sent> {
        self.send_from(&self.licence).await
    }

    /// Sends a print from another licence.
    pub(crate) async fn send_from(&self, licence: &str) -> Result<Sent> {
        let before = self.licence(licence).await?;
        let executed = self.executed()?.len();
        let job = self.scene.buyer.print(licence, &self.scene.printer_id).await?;
        Ok(Sent { id: job.id, before, executed })
    }

    /// Sends a print and waits until its first lines were executed.
    pub(crate) async fn print(&self) -> Result<Sent> {
        let sent = self.send().await?;
        self.prints(&sent).await?;
        Ok(sent)
    }

    /// Waits until its first lines were executed.
    pub(crate) async fn prints(&self, sent: &Sent) -> Result<()> {
        self.scene.buyer.follow(&sent.id, PATIENCE, |job| job.state == JobState::Printing).await?;
        eventually("its first lines", async || {
            let begun = match real_klipper() {
                Some(_) => self.scene.printer.object("sealpost").await?["position"].as_u64() > Some(0),
                None => self.executed()?.len() > sent.executed + 5,
            };
            Ok(begun.then_some(()))
        })
        .await
    }

    /// Waits for the end and looks at it from every side. An empty `code` is an end without a reason.
    pub(crate) async fn ended(&self, sent: &Sent, state: JobState, code: &str, costs: Costs) -> Result<Job> {
        let ends = |job: &Job| job.state.is_final() || job.state == state;
        let job = self.scene.buyer.follow(&sent.id, PATIENCE, ends).await?;
        ensure!(job.state == state, "{:?} instead of {state:?}: {:?}", job.state, job.message);
        self.has_a_reason(&job, code)?;
        self.is_counted(sent, state, costs).await?;
        self.executed_as_told(sent, state)?;
        self.lets_go().await?;
        Ok(job)
    }

    /// The owner at the printer reads the same, also long afterwards.
    pub(crate) async fn status_tells(&self, job: &Job) -> Result<()> {
        let last = eventually("the end in `status`", async || {
            let last = self.owner(&["status", "--json"])?["last_job"].clone();
            Ok((last["id"] == job.id.as_str()).then_some(last))
        })
        .await?;
        let same = last["state"] == job.state.as_str() && last["message"] == json!(job.message);
        ensure!(same, "{last} instead of {:?} {:?}", job.state, job.message);
        Ok(())
    }

    /// Nobody holds the opened file any more, and no sealed one lies in the cache.
    pub(crate) async fn lets_go(&self) -> Result<()> {
        let left = || -> Result<Vec<String>> {
            let mut left = open_files::all(self.scene.folder())?;
            if let Ok(blobs) = fs::read_dir(&self.scene.agent.cache) {
                left.extend(blobs.flatten().map(|entry| entry.path().display().to_string()));
            }
            Ok(left)
        };
        let gone = eventually("the end of every copy", async || Ok(left()?.is_empty().then_some(()))).await;
        gone.with_context(|| format!("{:?}", left()))
    }

    /// A `sealpost-printer` command of the owner's; its JSON, `null` where it says none.
    pub(crate) fn owner(&self, arguments: &[&str]) -> Result<Value> {
        let output = self.scene.agent.command()?.args(arguments).output()?;
        if !output.status.success() {
            bail!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
    }

    /// Klipper takes commands again.
    pub(crate) async fn klipper_is_back(&self) -> Result<()> {
        eventually("Klipper", async || {
            let ready =
                self.scene.printer.object("webhooks").await.is_ok_and(|hooks| hooks["state"] == "ready");
            let extra =
                self.scene.printer.object("sealpost").await.is_ok_and(|extra| extra["state"].is_string());
            Ok((ready && extra).then_some(()))
        })
        .await
    }

    /// Klipper has come to the end of whatever it printed.
    pub(crate) async fn klipper_is_idle(&self) -> Result<()> {
        eventually("the end of the print", async || {
            let extra = self.scene.printer.object("sealpost").await;
            Ok(extra.is_ok_and(|extra| extra["state"] == "idle").then_some(()))
        })
        .await
    }

    /// Lines that the stand-in executed; none of a real Klipper.
    pub(crate) fn executed(&self) -> Result<Vec<String>> {
        if real_klipper().is_some() {
            return Ok(Vec::new());
        }
        Ok(self.scene.printer.executed()?.iter().map(|line| line.trim().to_owned()).collect())
    }

    async fn licence(&self, id: &str) -> Result<Licence> {
        let licences = self.scene.buyer.licences().await?;
        licences.into_iter().find(|licence| licence.id == id).context("no such licence")
    }

    fn has_a_reason(&self, job: &Job, code: &str) -> Result<()> {
        let said = job.message.clone().unwrap_or_default();
        if code.is_empty() {
            ensure!(said.is_empty(), "an end that needs no reason has one: {said}");
            return Ok(());
        }
        let sentence = said.strip_prefix(&format!("{code}: ")).with_context(|| format!("{code}: {said}"))?;
        ensure!(sentence.contains(' '), "{said} is no sentence");
        let shown = self.terminal.run(&["jobs", &job.id])?;
        let shown = String::from_utf8_lossy(&shown.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
        ensure!(shown.contains(code), "`sealpost jobs` does not tell why: {shown}");
        Ok(())
    }

    async fn is_counted(&self, sent: &Sent, state: JobState, costs: Costs) -> Result<()> {
        let seen: Job = self.scene.seller.get(&format!("/api/v1/jobs/{}", sent.id)).await?;
        let mine = self.scene.buyer.job(&sent.id).await?;
        ensure!(seen.state == state && seen.message == mine.message, "seller {seen:?}, buyer {mine:?}");
        let (now, before) = (self.licence(&sent.before.id).await?, &sent.before);
        let (used, reserved) = match costs {
            Costs::Nothing => (0, 0),
            Costs::APrint => (1, 0),
            Costs::Undecided => (0, 1),
        };
        let counted = (now.prints_used - before.prints_used, now.prints_reserved - before.prints_reserved);
        ensure!(counted == (used, reserved), "{costs:?} counts {counted:?}");
        Ok(())
    }

    fn executed_as_told(&self, sent: &Sent, state: JobState) -> Result<()> {
        if real_klipper().is_some() || sent.before.id != self.licence {
            return Ok(());
        }
        let executed = self.executed()?.split_off(sent.executed);
        ensure!(self.file.starts_with(&executed), "what was executed is not the file's beginning");
        let whole = executed.len() == self.file.len();
        ensure!(whole == (state == JobState::Success), "{state:?} after {} lines", executed.len());
        Ok(())
    }
}

/// Asks again and again until there is something.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let asking = async {
        loop {
            if let Some(found) = ask().await? {
                return anyhow::Ok(found);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.with_context(|| format!("{what} did not come"))?
}
