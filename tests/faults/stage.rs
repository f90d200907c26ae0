//! A store, a printer and an agent with fault points; schedules are played on it one after the other.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use sealpost_api::job::Job;
use sealpost_market::JobState;
use sealpost_tests::parts;
use sealpost_tests::printer;
use sealpost_tests::proxy::Said;
use sealpost_tests::scene::{Scene, Wishes};
use serde_json::{Value, json};

use crate::schedule::{Act, Meanwhile, Schedule, With};

/// How long one print may take, with everything that goes wrong in it.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often is looked at what happens.
const LOOK: Duration = Duration::from_millis(20);
/// How long a cut line stays cut.
const CUT: Duration = Duration::from_millis(1_500);
/// Lines a second: a file takes about half a second.
const RATE: u32 = 400;

pub(crate) struct Stage {
    pub(crate) scene: Scene,
    pub(crate) licence: String,
    /// The lines of the file, as they are executed.
    pub(crate) file: Vec<String>,
    pub(crate) log: PathBuf,
}

/// What came of a schedule.
pub(crate) struct Played {
    pub(crate) job: Job,
    /// What Klipper executed meanwhile.
    pub(crate) executed: Vec<String>,
    /// What the agent reported meanwhile.
    pub(crate) reports: Vec<Said>,
    /// Lines of the log of fault points.
    pub(crate) passed: Vec<String>,
}

impl Stage {
    pub(crate) async fn set() -> Result<Self> {
        Self::set_at(RATE).await
    }

    /// The same with a printer of another speed.
    pub(crate) async fn set_at(rate: u32) -> Result<Self> {
        let wishes = Wishes {
            printer: printer::Options { rate, ..printer::Options::default() },
            agent: "poll_interval_seconds = 5\n".to_owned(),
            armed: true,
            ..Wishes::default()
        };
        let scene = Scene::start(wishes).await?;
        let part = parts::made(scene.folder(), "part.gcode", &["--layers", "2"])?;
        let licence = scene.sell("part", &part, 1_000_000).await?;
        let file = parts::lines(&fs::read(&part)?);
        let log = scene.folder().join("points.log");
        Ok(Self { scene, licence, file, log })
    }

    /// Prints once while everything goes wrong that is in the schedule.
    pub(crate) async fn play(&mut self, schedule: &Schedule) -> Result<Played> {
        if let Some(service) = self.scene.agent.service.take() {
            service.kill()?;
        }
        self.prepare(schedule)?;
        fs::write(&self.log, "")?;
        let executed = self.scene.printer.executed()?.len();
        let reports = self.scene.proxy.reports().len();
        let job = self.scene.buyer.print(&self.licence, &self.scene.printer_id).await?;
        let job = tokio::time::timeout(PATIENCE, self.follow(schedule, &job.id)).await;
        let job = match job {
            Ok(job) => job?,
            Err(_) => bail!("it does not come to an end: {}", self.stands().await?),
        };
        Ok(Played {
            job,
            executed: self.scene.printer.executed()?.split_off(executed),
            reports: self.scene.proxy.reports().split_off(reports),
            passed: fs::read_to_string(&self.log)?.lines().map(str::to_owned).collect(),
        })
    }

    /// What the extra says of itself, once Moonraker and Klipper have found each other again.
    pub(crate) async fn extra(&self) -> Result<Value> {
        let asked = async {
            loop {
                match self.scene.printer.object("sealpost").await {
                    Ok(extra) if extra["state"].is_string() => return extra,
                    _ => tokio::time::sleep(LOOK).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.context("Moonraker and Klipper do not find each other")
    }

    /// The agent's state document.
    pub(crate) fn document(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&fs::read(self.scene.agent.state.join("state.json"))?)?)
    }

    fn prepare(&self, schedule: &Schedule) -> Result<()> {
        let state = &self.scene.agent.state;
        let token = state.join("token.json");
        if schedule.with.contains(&With::OldToken) && token.exists() {
            let mut stored: Value = serde_json::from_slice(&fs::read(&token)?)?;
            let expires = stored["expires"].as_u64().context("a token has an end")?;
            // Long in use: the end is nearer than a fifth of its life.
            stored["issued"] = (expires - 3_000 * 24 * 3600).into();
            fs::write(&token, stored.to_string())?;
        }
        if schedule.with.contains(&With::NoToken) {
            fs::remove_file(&token)?;
        }
        if schedule.with.contains(&With::NoKeys) {
            let mut document = self.document()?;
            document["pairing"]["key_set"] = Value::Null;
            document["pairing"]["key_set_version"] = 0.into();
            fs::write(state.join("state.json"), document.to_string())?;
        }
        Ok(())
    }

    /// Starts the agent again whenever it is gone, until job and agent are at rest.
    async fn follow(&mut self, schedule: &Schedule, job: &str) -> Result<Job> {
        let mut lives = schedule.lives("agent").into_iter();
        let mut stops: Vec<&Act> = Vec::new();
        let before = self.scene.printer.executed()?.len();
        let mut cancel = schedule.with.contains(&With::Cancel);
        let mut line_back: Option<Instant> = None;
        loop {
            if self.agent_is_gone() {
                let life = lives.next().unwrap_or_default();
                stops = life
                    .iter()
                    .filter(|act| matches!(act.what, crate::schedule::What::Stop(_)))
                    .copied()
                    .collect();
                self.start_agent(&life)?;
            }
            if self.agent_stands()? {
                let act = self.stopped_at(&stops)?;
                line_back = self.meanwhile(act, job).await?.or(line_back);
                if let Some(agent) = &self.scene.agent.service {
                    agent.signal(Signal::CONT)?;
                }
                stops.retain(|other| *other != act);
            }
            if line_back.is_some_and(|back| Instant::now() >= back) {
                self.scene.proxy.cut(false);
                line_back = None;
            }
            let view = self.scene.buyer.job(job).await?;
            if cancel && self.scene.printer.executed()?.len() > before + 5 {
                cancel = false;
                self.cancel(job).await?;
            }
            let ended = view.state.is_final() || view.state == JobState::Interrupted;
            if ended && line_back.is_none() && !self.agent_is_gone() && self.at_rest(job)? {
                return Ok(view);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn start_agent(&mut self, life: &[&Act]) -> Result<()> {
        let wishes: Vec<String> = life.iter().map(|act| act.wish()).collect();
        self.scene.agent.environment = vec![
            ("SEALPOST_FAULTS".to_owned(), wishes.join(" ")),
            ("SEALPOST_FAULTS_LOG".to_owned(), self.log.display().to_string()),
        ];
        self.scene.agent.start()
    }

    fn agent_is_gone(&self) -> bool {
        self.scene.agent.service.as_ref().is_none_or(|agent| agent.said().contains("keeper: ended with"))
    }

    fn agent_stands(&self) -> Result<bool> {
        let Some(agent) = &self.scene.agent.service else { return Ok(false) };
        let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", agent.pid())) else { return Ok(false) };
        let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
        Ok(state == Some("T"))
    }

    /// At which of its points it stands: the last one that it noted.
    fn stopped_at<'a>(&self, stops: &[&'a Act]) -> Result<&'a Act> {
        let log = fs::read_to_string(&self.log)?;
        let last =
            log.lines().rev().find(|line| line.ends_with(" stop")).context("nobody told it to stop")?;
        let found = stops.iter().find(|act| last == format!("{} {} stop", act.point, act.passing));
        found.copied().with_context(|| format!("it stands at `{last}`"))
    }

    /// Does what happens while the agent stands; gives the time at which a cut line comes back.
    async fn meanwhile(&mut self, act: &Act, job: &str) -> Result<Option<Instant>> {
        let crate::schedule::What::Stop(meanwhile) = act.what else { return Ok(None) };
        match meanwhile {
            Meanwhile::BuyerCancels => self.cancel(job).await?,
            Meanwhile::EmergencyStop => {
                // Klipper may be on its way back already.
                let _ = self.scene.printer.ask("printer.emergency_stop", json!({})).await;
                let _ = self.scene.printer.ask("printer.firmware_restart", json!({})).await;
            }
            Meanwhile::KlipperKilled => self.scene.printer.replace_klipper()?,
            Meanwhile::KlipperRestarts => {
                let _ = self.scene.printer.ask("printer.restart", json!({})).await;
            }
            Meanwhile::LineCut => {
                self.scene.proxy.cut(true);
                return Ok(Some(Instant::now() + CUT));
            }
            Meanwhile::MoonrakerKilled => self.scene.printer.replace_moonraker()?,
            Meanwhile::PrinterCancels => {
                let _ = self.scene.printer.ask("printer.print.cancel", json!({})).await;
            }
            Meanwhile::StartedByHand => {
                let name = format!("sealpost/{job}.gcode");
                let _ = self.scene.printer.ask("printer.print.start", json!({"filename": name})).await;
            }
        }
        Ok(None)
    }

    async fn cancel(&self, job: &str) -> Result<()> {
        // Too late is as good.
        self.scene.buyer.post(&format!("/api/v1/jobs/{job}/cancel"), &json!({})).await.map(drop)
    }

    /// Nothing of a job is at hand any more and every report was taken.
    fn at_rest(&self, job: &str) -> Result<bool> {
        let document = self.document()?;
        let told = document["outbox"].as_array().is_some_and(Vec::is_empty);
        let known = document["started"].as_array().is_some_and(|ids| ids.iter().any(|id| id == job));
        // A job that was taken back before its key was out never came here.
        let never = !self.scene.proxy.seen().iter().any(|seen| seen.contains(&format!("/jobs/{job}/claim")));
        Ok(document["job"].is_null() && told && (known || never))
    }

    async fn stands(&self) -> Result<String> {
        let agent =
            self.scene.agent.service.as_ref().map(sealpost_tests::service::Service::said).unwrap_or_default();
        let tail: Vec<&str> = agent.lines().rev().take(12).collect();
        let extra = self.scene.printer.object("sealpost").await;
        Ok(format!(
            "agent {:?}\nextra {extra:?}\nagent said:\n{}",
            self.document()?,
            tail.into_iter().rev().collect::<Vec<_>>().join("\n")
        ))
    }
}

/// Names of the points that were passed.
pub(crate) fn names(passed: &[String]) -> BTreeSet<String> {
    passed.iter().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}
