//! The points of an armed program.

use std::{
    collections::HashMap,
    env, fs,
    io::Write,
    process::exit,
    sync::{Mutex, OnceLock, PoisonError},
    thread::{park, sleep},
    time::Duration,
};

use rustix::process::{Signal, getpid, kill_process};

use crate::{
    Injected,
    plan::{self, Action, Wish},
};

const PLAN: &str = "SEALPOST_FAULTS";
const LOG: &str = "SEALPOST_FAULTS_LOG";

struct Points {
    wishes: Vec<Wish>,
    log: Option<Mutex<fs::File>>,
    passings: Mutex<HashMap<&'static str, u64>>,
}

pub(crate) fn pass(name: &'static str) -> Result<(), Injected> {
    static POINTS: OnceLock<Points> = OnceLock::new();
    let points = POINTS.get_or_init(|| match Points::read() {
        Ok(points) => points,
        Err(reason) => {
            let _ = writeln!(std::io::stderr(), "{reason}");
            exit(64);
        }
    });
    points.pass(name)
}

impl Points {
    fn read() -> Result<Self, String> {
        let text = env::var(PLAN).unwrap_or_default();
        let wishes = plan::read(&text).map_err(|part| format!("{PLAN}: `{part}` cannot be read"))?;
        let open = |path| fs::OpenOptions::new().append(true).create(true).open(path).map(Mutex::new);
        let log = env::var_os(LOG).map(open).transpose().map_err(|error| format!("{LOG}: {error}"))?;
        Ok(Self { wishes, log, passings: Mutex::default() })
    }

    fn pass(&self, name: &'static str) -> Result<(), Injected> {
        let passing = {
            let mut passings = self.passings.lock().unwrap_or_else(PoisonError::into_inner);
            let passing = passings.entry(name).or_default();
            *passing += 1;
            *passing
        };
        let wish = self.wishes.iter().find(|wish| wish.is_for(name, passing));
        self.note(name, passing, wish);
        match wish.map(|wish| wish.action) {
            None => Ok(()),
            Some(Action::Error) => Err(Injected::At(name)),
            Some(Action::Kill) => {
                let _ = kill_process(getpid(), Signal::KILL);
                // The signal is on its way.
                loop {
                    park();
                }
            }
            Some(Action::Slow { millis }) => {
                slow(Duration::from_millis(millis));
                Ok(())
            }
            Some(Action::Stop) => {
                let _ = kill_process(getpid(), Signal::STOP);
                Ok(())
            }
        }
    }

    fn note(&self, name: &str, passing: u64, wish: Option<&Wish>) {
        let Some(log) = &self.log else { return };
        let action = wish.map(|wish| format!(" {:?}", wish.action).to_lowercase()).unwrap_or_default();
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        // One write a line: what is there is whole.
        let _ = log.write_all(format!("{name} {passing}{action}\n").as_bytes());
    }
}

#[expect(clippy::disallowed_methods, reason = "being slow is what was asked for")]
fn slow(duration: Duration) {
    sleep(duration);
}
