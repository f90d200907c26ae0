//! What happens in the world while a program stands still, and how it is set right afterwards.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use reqwest::Method;
use sealpost_tests::disk::Disk;
use sealpost_tests::postgres::End;
use sealpost_tests::proxy::{Line, Loss};
use serde_json::json;

use crate::stage::Stage;

/// How long what is broken stays broken.
const BROKEN: Duration = Duration::from_millis(1_500);
/// How long somebody waits for an answer that may not come.
const PATIENCE: Duration = Duration::from_secs(2);
const DAY: i64 = 86_400;

/// What happens while a program stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meanwhile {
    AgentClock(i64),
    AgentDiskFull,
    AgentDiskReadOnly,
    AgentKilled,
    BuyerCancels,
    CommitUnanswered,
    EmergencyStop,
    KeysRotated,
    KlipperKilled,
    KlipperRestarts,
    LineCut,
    LineHole,
    LineRefuses,
    LineSlow,
    Lost(Loss),
    MoonrakerKilled,
    PostgresCrashes,
    PostgresRestarts,
    PrinterCancels,
    StartedByHand,
    StoreClock(i64),
    StoreDiskFull,
    StoreDiskReadOnly,
    StoreKilled,
}

impl Meanwhile {
    pub(crate) const ALL: [(Self, &str); 29] = [
        (Self::AgentClock(DAY), "agent.clock+1d"),
        (Self::AgentClock(-DAY), "agent.clock-1d"),
        (Self::AgentDiskFull, "agent.disk.full"),
        (Self::AgentDiskReadOnly, "agent.disk.readonly"),
        (Self::AgentKilled, "agent.kill"),
        (Self::BuyerCancels, "buyer.cancel"),
        (Self::CommitUnanswered, "commit.unanswered"),
        (Self::EmergencyStop, "klipper.stop"),
        (Self::KeysRotated, "keys.rotate"),
        (Self::KlipperKilled, "klipper.kill"),
        (Self::KlipperRestarts, "klipper.restart"),
        (Self::LineCut, "line.cut"),
        (Self::LineHole, "line.hole"),
        (Self::LineRefuses, "line.refuse"),
        (Self::LineSlow, "line.slow"),
        (Self::Lost(Loss::Half), "lose.rest"),
        (Self::Lost(Loss::Torn), "lose.half"),
        (Self::Lost(Loss::Unanswered), "lose.answer"),
        (Self::Lost(Loss::Unheard), "lose.request"),
        (Self::MoonrakerKilled, "moonraker.kill"),
        (Self::PostgresCrashes, "postgres.crash"),
        (Self::PostgresRestarts, "postgres.restart"),
        (Self::PrinterCancels, "printer.cancel"),
        (Self::StartedByHand, "hand.start"),
        (Self::StoreClock(DAY), "store.clock+1d"),
        (Self::StoreClock(-DAY), "store.clock-1d"),
        (Self::StoreDiskFull, "store.disk.full"),
        (Self::StoreDiskReadOnly, "store.disk.readonly"),
        (Self::StoreKilled, "store.kill"),
    ];

    /// Whether only a store on PostgreSQL can meet it.
    pub(crate) fn needs_postgres(self) -> bool {
        matches!(self, Self::CommitUnanswered | Self::PostgresCrashes | Self::PostgresRestarts)
    }

    fn breaks_a_disk(self) -> bool {
        let disks =
            [Self::AgentDiskFull, Self::AgentDiskReadOnly, Self::StoreDiskFull, Self::StoreDiskReadOnly];
        disks.contains(&self)
    }

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(known, _)| *known == self).map_or("", |(_, name)| name)
    }
}

/// What is broken, and until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken {
    what: Meanwhile,
    until: Instant,
}

impl Stage {
    /// Does what happens while a program stands.
    pub(crate) async fn meanwhile(&mut self, what: Meanwhile, job: Option<&str>) -> Result<()> {
        self.happened.push(what);
        if what.breaks_a_disk() {
            // A full disk that is frozen could not be emptied.
            self.mend_now()?;
        }
        let printer = &mut self.scene.printer;
        match what {
            Meanwhile::AgentClock(seconds) => return self.clocks[1].set(seconds),
            Meanwhile::StoreClock(seconds) => return self.clocks[0].set(seconds),
            Meanwhile::AgentKilled => return self.kill("agent"),
            Meanwhile::StoreKilled => return self.kill("store"),
            Meanwhile::BuyerCancels => {
                if let Some(job) = job {
                    self.cancel(job).await;
                }
                return Ok(());
            }
            Meanwhile::CommitUnanswered => {
                self.database.as_ref().context("this store is not on PostgreSQL")?.lose_next();
                return Ok(());
            }
            Meanwhile::EmergencyStop => {
                // Klipper may be on its way back already.
                let _ = printer.ask("printer.emergency_stop", json!({})).await;
                let _ = printer.ask("printer.firmware_restart", json!({})).await;
                return Ok(());
            }
            Meanwhile::KeysRotated => {
                let request = self.scene.seller.request(Method::POST, "/api/v1/keys/rotate");
                let _ = request.json(&json!({"key": "jobs"})).timeout(PATIENCE).send().await;
                return Ok(());
            }
            Meanwhile::KlipperKilled => return printer.replace_klipper(),
            Meanwhile::MoonrakerKilled => return printer.replace_moonraker(),
            Meanwhile::KlipperRestarts => {
                let _ = printer.ask("printer.restart", json!({})).await;
                return Ok(());
            }
            Meanwhile::PrinterCancels => {
                let _ = printer.ask("printer.print.cancel", json!({})).await;
                return Ok(());
            }
            Meanwhile::StartedByHand => {
                let name = format!("sealpost/{}.gcode", job.unwrap_or("none"));
                let _ = printer.ask("printer.print.start", json!({"filename": name})).await;
                return Ok(());
            }
            Meanwhile::Lost(loss) => {
                drop(self.scene.proxy.lose("/api/", loss));
                if loss != Loss::Half {
                    return Ok(());
                }
            }
            Meanwhile::LineCut => self.scene.proxy.line(Line::Dead),
            Meanwhile::LineHole => self.scene.proxy.line(Line::BlackHole),
            Meanwhile::LineRefuses => self.scene.proxy.cut(true),
            Meanwhile::LineSlow => self.scene.proxy.line(Line::Slow { bytes_per_second: 2_000 }),
            Meanwhile::PostgresCrashes => return self.restart_postgres(End::Crash),
            Meanwhile::PostgresRestarts => return self.restart_postgres(End::Fast),
            Meanwhile::AgentDiskFull => self.agent_disk()?.fill()?,
            Meanwhile::StoreDiskFull => self.store_disk()?.fill()?,
            Meanwhile::AgentDiskReadOnly => self.agent_disk()?.freeze().map(drop)?,
            Meanwhile::StoreDiskReadOnly => self.store_disk()?.freeze().map(drop)?,
        }
        self.broken.push(Broken { what, until: Instant::now() + BROKEN });
        Ok(())
    }

    /// Sets right what was broken long enough, or everything.
    pub(crate) fn mend(&mut self, everything: bool) -> Result<()> {
        let now = Instant::now();
        let (over, rest): (Vec<Broken>, Vec<Broken>) =
            self.broken.iter().copied().partition(|broken| everything || broken.until <= now);
        self.broken = rest;
        for Broken { what, .. } in over {
            match what {
                Meanwhile::AgentDiskFull => self.agent_disk()?.clear()?,
                Meanwhile::StoreDiskFull => self.store_disk()?.clear()?,
                Meanwhile::AgentDiskReadOnly => self.agent_disk()?.thaw()?,
                Meanwhile::StoreDiskReadOnly => self.store_disk()?.thaw()?,
                Meanwhile::LineRefuses => self.scene.proxy.cut(false),
                _ => self.scene.proxy.line(Line::Open),
            }
        }
        if everything {
            self.scene.proxy.lose_nothing();
            if let Some(database) = &self.database {
                database.lose_nothing();
            }
            for clock in &self.clocks {
                clock.set(0)?;
            }
        }
        Ok(())
    }

    fn mend_now(&mut self) -> Result<()> {
        let now = Instant::now();
        self.broken.iter_mut().for_each(|broken| broken.until = now);
        self.mend(false)
    }

    fn restart_postgres(&mut self, end: End) -> Result<()> {
        self.cluster.as_mut().context("this store is not on PostgreSQL")?.restart(end)
    }

    fn agent_disk(&mut self) -> Result<&mut Disk> {
        Ok(&mut self.scene.disks.as_mut().context("the agent has no disk of its own")?.agent)
    }

    fn store_disk(&mut self) -> Result<&mut Disk> {
        Ok(&mut self.scene.disks.as_mut().context("the store has no disk of its own")?.store)
    }
}
