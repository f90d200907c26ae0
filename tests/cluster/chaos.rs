//! Everything is killed at moments that a seed gives, and comes back.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use sealpost_tests::dice::Dice;
use sealpost_tests::postgres::{Cluster, End};

use crate::park::{Fleet, Process, Unit};

/// Milliseconds between two misfortunes of one printer, of one store, of the database.
const PRINTER: (u64, u64) = (3_000, 30_000);
const STORE: (u64, u64) = (4_000, 20_000);
const DATABASE: (u64, u64) = (6_000, 30_000);
/// Milliseconds for which something stays dead.
const DEAD: (u64, u64) = (10, 3_000);
/// How long something may need to come back.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often what was killed.
pub(crate) type Kills = BTreeMap<&'static str, u64>;

/// Misfortune under way.
pub(crate) struct Chaos {
    end: Arc<Bell>,
    units: Vec<JoinHandle<Result<(Unit, Kills)>>>,
    stores: Vec<JoinHandle<Result<(Process, Kills)>>>,
    cluster: JoinHandle<Result<(Cluster, Kills)>>,
}

impl Chaos {
    pub(crate) fn begin(fleet: Fleet, dice: &mut Dice) -> Self {
        let end = Arc::new(Bell::default());
        let units = fleet.units.into_iter().map(|unit| {
            let (dice, end) = (dice.fork(), Arc::clone(&end));
            thread::spawn(move || torment_printer(unit, dice, &end))
        });
        let units = units.collect();
        let stores = fleet.stores.into_iter().map(|store| {
            let (dice, end) = (dice.fork(), Arc::clone(&end));
            thread::spawn(move || torment_store(store, dice, &end))
        });
        let stores = stores.collect();
        let cluster = {
            let (dice, end) = (dice.fork(), Arc::clone(&end));
            thread::spawn(move || torment_database(fleet.cluster, dice, &end))
        };
        Self { end, units, stores, cluster }
    }

    /// Lets everything come back and stay.
    pub(crate) fn end(self) -> Result<(Fleet, Kills)> {
        self.end.ring();
        let mut kills = Kills::new();
        let mut count = |more: Kills| {
            for (what, often) in more {
                *kills.entry(what).or_default() += often;
            }
        };
        let (cluster, more) = joined(self.cluster)?;
        count(more);
        let (mut units, mut stores) = (Vec::new(), Vec::new());
        for store in self.stores {
            let (store, more) = joined(store)?;
            stores.push(store);
            count(more);
        }
        for unit in self.units {
            let (unit, more) = joined(unit)?;
            units.push(unit);
            count(more);
        }
        Ok((Fleet { units, stores, cluster }, kills))
    }
}

fn torment_printer(mut unit: Unit, mut dice: Dice, end: &Bell) -> Result<(Unit, Kills)> {
    let mut kills = Kills::new();
    while !end.wait(dice.between(PRINTER.0, PRINTER.1)) {
        let dead = dice.between(DEAD.0, DEAD.1);
        let what = match dice.below(10) {
            0..6 => {
                if let Some(agent) = unit.agent.service.take() {
                    agent.kill()?;
                }
                end.wait(dead);
                unit.agent.start()?;
                "agent"
            }
            6..9 => {
                if let Some(klipper) = unit.printer.klipper.take() {
                    klipper.host.kill()?;
                }
                end.wait(dead);
                unit.printer.start_klipper()?;
                "Klipper"
            }
            _ => {
                if let Some(moonraker) = unit.printer.moonraker.take() {
                    moonraker.kill()?;
                }
                end.wait(dead);
                unit.printer.replace_moonraker()?;
                "Moonraker"
            }
        };
        unit.killed.insert(what);
        *kills.entry(what).or_default() += 1;
    }
    Ok((unit, kills))
}

fn torment_store(mut store: Process, mut dice: Dice, end: &Bell) -> Result<(Process, Kills)> {
    let mut kills = Kills::new();
    while !end.wait(dice.between(STORE.0, STORE.1)) {
        store.die()?;
        *kills.entry("store").or_default() += 1;
        end.wait(dice.between(DEAD.0, DEAD.1));
        let begin = Instant::now();
        // As a service manager does: without its database it ends at once.
        while let Err(error) = store.revive() {
            if begin.elapsed() > PATIENCE {
                return Err(error);
            }
        }
    }
    Ok((store, kills))
}

fn torment_database(mut cluster: Cluster, mut dice: Dice, end: &Bell) -> Result<(Cluster, Kills)> {
    let mut kills = Kills::new();
    // At least once, however short the run.
    loop {
        let over = end.wait(dice.between(DATABASE.0, DATABASE.1));
        if over && !kills.is_empty() {
            return Ok((cluster, kills));
        }
        let (how, what) = match dice.below(2) {
            0 => (End::Fast, "database stopped"),
            _ => (End::Crash, "database crashed"),
        };
        cluster.end(how)?;
        end.wait(dice.between(DEAD.0, DEAD.1));
        cluster.resume()?;
        *kills.entry(what).or_default() += 1;
    }
}

fn joined<T>(thread: JoinHandle<Result<T>>) -> Result<T> {
    thread.join().map_err(|_| anyhow!("a thread panicked"))?
}

/// Rung once, for everybody who waits.
#[derive(Debug, Default)]
struct Bell {
    rung: Mutex<bool>,
    news: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.news.notify_all();
    }

    /// Waits for so many milliseconds at most; whether it was rung.
    fn wait(&self, millis: u64) -> bool {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.news.wait_timeout_while(rung, Duration::from_millis(millis), |rung| !*rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
