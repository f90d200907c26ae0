//! A store, a printer and an agent with fault points; schedules are played on it one after the other.

use std::fs;
use std::mem;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use sealpost_api::job::Job;
use sealpost_market::JobState;
use sealpost_tests::clock::Clock;
use sealpost_tests::parts;
use sealpost_tests::postgres::Cluster;
use sealpost_tests::postgres::commits::Line;
use sealpost_tests::printer;
use sealpost_tests::proxy::Said;
use sealpost_tests::scene::{Scene, Wishes};
use sealpost_tests::service::Service;
use sealpost_tests::store;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::books::Books;
use crate::meanwhile::{Broken, Meanwhile};
use crate::people;
use crate::program::Program;
use crate::rules;
use crate::schedule::{Schedule, What, With};

/// How long one print may take, with everything that goes wrong in it.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often is looked at what happens.
const LOOK: Duration = Duration::from_millis(20);
/// Lines a second: a file takes about half a second.
const RATE: u32 = 400;
/// Settings of the store: what nobody needs is gone soon.
const STORE: &str = "sweep_interval_ms = 500\n";

/// Bytes of the store's disk and of the agent's.
const DISKS: (u64, u64) = (48 << 20, 48 << 20);

pub(crate) struct Stage {
    pub(crate) scene: Scene,
    /// Where the store's database is, if that is PostgreSQL.
    pub(crate) cluster: Option<Cluster>,
    /// The store's line to it.
    pub(crate) database: Option<Line>,
    /// Of the store and of the agent.
    pub(crate) clocks: [Clock; 2],
    pub(crate) broken: Vec<Broken>,
    pub(crate) happened: Vec<Meanwhile>,
    killed: u64,
    /// The lines of the file, as they are executed.
    pub(crate) file: Vec<String>,
    pub(crate) log: PathBuf,
    /// A line of the log without which no print is over: a renewal that found no store is asked again later than a short print lasts.
    pub(crate) awaited: Option<String>,
    licence: String,
    settings: String,
    part: PathBuf,
    played: u64,
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
    /// What happened while a program stood still.
    pub(crate) happened: Vec<Meanwhile>,
    /// How often a program was killed from outside.
    pub(crate) killed: u64,
}

impl Stage {
    pub(crate) async fn set() -> Result<Self> {
        Self::set_at(RATE, false).await
    }

    /// The same with a store on PostgreSQL.
    pub(crate) async fn set_on_postgres() -> Result<Self> {
        Self::set_at(RATE, true).await
    }

    /// The same with a printer of another speed.
    pub(crate) async fn set_at(rate: u32, postgres: bool) -> Result<Self> {
        let mut cluster = if postgres { Some(Cluster::start()?) } else { None };
        let database = match &mut cluster {
            Some(cluster) => Some(Line::to(&cluster.database()?).await?),
            None => None,
        };
        let database_url = database.as_ref().map(|line| line.url.clone());
        let wishes = Wishes {
            store: store::Options { database_url, config: STORE.to_owned(), ..store::Options::default() },
            printer: printer::Options { rate, ..printer::Options::default() },
            agent: "poll_interval_seconds = 5\n".to_owned(),
            armed: true,
            disks: Some(DISKS),
        };
        let scene = Scene::start(wishes).await?;
        let part = parts::made(scene.folder(), "part.gcode", &["--layers", "2"])?;
        let licence = scene.sell("part", &part, 1_000_000).await?;
        let file = parts::lines(&fs::read(&part)?);
        let log = scene.folder().join("points.log");
        let clocks = ["store", "agent"].map(|name| Clock::new(scene.folder(), name));
        Ok(Self {
            settings: scene.store.options.config.clone(),
            scene,
            licence,
            file,
            log,
            part,
            cluster,
            database,
            clocks,
            awaited: None,
            broken: Vec::new(),
            happened: Vec::new(),
            killed: 0,
            played: 0,
        })
    }

    /// Prints once while everything goes wrong that is in the schedule.
    pub(crate) async fn play(&mut self, schedule: &Schedule) -> Result<Played> {
        self.scene.agent.end()?;
        self.prepare(schedule)?;
        fs::write(&self.log, "")?;
        self.played += 1;
        self.happened.clear();
        let executed = self.scene.printer.executed()?.len();
        let reports = self.scene.proxy.reports().len();
        let followed = tokio::time::timeout(PATIENCE, self.follow(schedule)).await;
        let stands = if followed.is_err() { self.stands().await? } else { String::new() };
        self.mend(true)?;
        if schedule.acts.iter().any(|act| act.program() == "store") {
            // What it was not told to meet yet, nobody would start it again after.
            self.scene.store.options.environment = vec![self.clocks[0].variable()];
            self.scene.store.relaunch()?;
        }
        let job = match followed {
            Ok(job) => job?,
            Err(_) => bail!("it does not come to an end: {stands}"),
        };
        Ok(Played {
            job,
            executed: self.scene.printer.executed()?.split_off(executed),
            reports: self.scene.proxy.reports().split_off(reports),
            passed: fs::read_to_string(&self.log)?.lines().map(str::to_owned).collect(),
            happened: mem::take(&mut self.happened),
            killed: mem::take(&mut self.killed),
        })
    }

    /// The store's books.
    pub(crate) fn books(&self) -> Books {
        Books::of(&self.scene.store)
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
        // The last print may have ended without one.
        if schedule.with.contains(&With::NoToken) && token.exists() {
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

    /// Starts both programs again whenever they are gone, until job and agent are at rest and the store has cleaned up.
    async fn follow(&mut self, schedule: &Schedule) -> Result<Job> {
        let mut programs = [Program::new("store", schedule), Program::new("agent", schedule)];
        let before = self.scene.printer.executed()?.len();
        let mut cancel = schedule.with.contains(&With::Cancel);
        self.scene.store.service.put_down()?;
        self.scene.store.options.config = self.settings.clone() + &schedule.settings();
        let mut ordering = self.order(schedule.with.contains(&With::Trade));
        let mut ordered: Option<String> = None;
        // The job's end: the store may go on to clean up.
        let mut rested: Option<(Job, Instant)> = None;
        loop {
            for program in &mut programs {
                self.revive(program)?;
                if program.is_to_be_killed() {
                    self.killed += 1;
                    self.kill(program.name)?;
                }
                if self.service(program.name).is_some_and(Service::stands) {
                    let act = program.stopped_at(&fs::read_to_string(&self.log)?)?;
                    if let What::Stop(what) = act.what {
                        self.meanwhile(what, ordered.as_deref()).await?;
                    }
                    if let Some(service) = self.service(program.name) {
                        // It may have been killed meanwhile.
                        let _ = service.signal(Signal::CONT);
                    }
                }
            }
            self.mend(false)?;
            if let Some(done) = ordering.try_join_next() {
                ordered = Some(done??);
            }
            if let Some(job) = &ordered {
                if cancel && self.scene.printer.executed()?.len() > before + 5 {
                    cancel = !self.cancel(job).await;
                }
                if let Some((view, since)) = &rested {
                    let clean = rules::left_over(&self.books()).await.is_ok_and(|left| left.is_empty());
                    if clean || since.elapsed() > rules::CLEAN {
                        return Ok(view.clone());
                    }
                }
                let quiet = self.broken.is_empty() && !programs.iter().any(Program::has_plans);
                if quiet
                    && self.at_rest()?
                    && self.has_passed_what_is_awaited()?
                    && let Some(view) = self.view(job).await?
                    && (view.state.is_final() || view.state == JobState::Interrupted)
                    && self.at_rest()?
                {
                    rested = rested.or_else(|| Some((view, Instant::now())));
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What people do, beside everything else, until it is dropped; gives the job.
    fn order(&self, trade: bool) -> JoinSet<Result<String>> {
        let (seller, buyer) = (self.scene.seller.clone(), self.scene.buyer.clone());
        let (printer, mut licence) = (self.scene.printer_id.clone(), self.licence.clone());
        let (key, part) = (format!("order-{}", self.played), self.part.clone());
        let mut ordering = JoinSet::new();
        ordering.spawn(async move {
            if trade {
                licence = people::trade(&seller, &buyer, &key, &part).await?;
            }
            Ok(people::print(&buyer, &key, &licence, &printer).await?.id)
        });
        ordering
    }

    fn service(&self, program: &str) -> Option<&Service> {
        match program {
            "store" => Some(&self.scene.store.service),
            _ => self.scene.agent.service.as_ref(),
        }
    }

    fn revive(&mut self, program: &mut Program<'_>) -> Result<()> {
        if self.service(program.name).is_some_and(|service| !service.has_ended()) {
            return Ok(());
        }
        let mut environment = program.next_life(&self.log);
        environment.push(self.clocks[usize::from(program.name == "agent")].variable());
        match program.name {
            "store" => {
                self.scene.store.options.environment = environment;
                self.scene.store.relaunch()
            }
            _ => {
                self.scene.agent.environment = environment;
                self.scene.agent.launch().map(drop)
            }
        }
    }

    pub(crate) fn kill(&mut self, program: &str) -> Result<()> {
        match program {
            "store" => self.scene.store.service.put_down(),
            _ => self.scene.agent.end(),
        }
    }

    async fn view(&self, job: &str) -> Result<Option<Job>> {
        people::look(&self.scene.buyer, &format!("/api/v1/jobs/{job}")).await
    }

    /// Asks for the job to be taken back; whether the store answered.
    pub(crate) async fn cancel(&self, job: &str) -> bool {
        people::ask(&self.scene.buyer, &format!("/api/v1/jobs/{job}/cancel")).await
    }

    /// The agent runs, has nothing of a job at hand, and every report was taken.
    fn at_rest(&self) -> Result<bool> {
        let runs = self.service("agent").is_some_and(|agent| !agent.has_ended());
        let document = self.document()?;
        let told = document["outbox"].as_array().is_some_and(Vec::is_empty);
        Ok(runs && document["job"].is_null() && told)
    }

    fn has_passed_what_is_awaited(&self) -> Result<bool> {
        let Some(awaited) = &self.awaited else { return Ok(true) };
        Ok(fs::read_to_string(&self.log)?.lines().any(|line| line == awaited))
    }

    /// How everything stands, for whoever looks into what went wrong.
    pub(crate) async fn stands(&self) -> Result<String> {
        let said = |name| {
            let said = self.service(name).map(Service::said).unwrap_or_default();
            let tail: Vec<&str> = said.lines().rev().take(12).collect();
            tail.into_iter().rev().collect::<Vec<_>>().join("\n")
        };
        let extra = self.scene.printer.object("sealpost").await;
        Ok(format!(
            "agent {:?}\nextra {extra:?}\nagent said:\n{}\nstore said:\n{}",
            self.document()?,
            said("agent"),
            said("store"),
        ))
    }
}
