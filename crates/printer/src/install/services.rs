//! Starts, stops and restarts services of this machine; Klipper and Moonraker only while nothing is printed.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use sealpost_api::Problem;
use serde::{Deserialize, Serialize};

use super::{
    live::{Activity, Job, activity, is_of_service, job, klippers, listener},
    plan::{AGENT, AGENT_FOLDER},
    record::{Entry, Made, Record},
    step::Contents,
    system::{Init, System},
    tree::Tree,
};

const PROC: &str = "/proc";
const UNCLEAR: &str = "it is not known which service runs this printer's Klipper";

/// The services of a machine.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Services {
    init: Init,
    klipper: Option<String>,
    moonraker: Option<String>,
    socket: PathBuf,
}

/// What became of a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restart {
    /// They run anew.
    Done,
    /// They were left alone, for this reason.
    Later(&'static str),
}

impl Services {
    /// Those of what was found.
    pub fn of(system: &System) -> Self {
        Self {
            init: system.init,
            klipper: system.klipper.service.clone(),
            moonraker: system.moonraker.service.clone(),
            socket: system.klipper.socket.clone(),
        }
    }

    /// What it calls them.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        [&self.klipper, &self.moonraker].into_iter().flatten().map(String::as_str)
    }

    /// Starts the agent; `anew` where it runs already.
    pub fn start_agent(&self, anew: bool) -> Result<(), Problem> {
        self.reload()?;
        self.tell(AGENT, if anew { "restart" } else { "start" })
    }

    /// Stops the agent where it runs.
    pub fn stop_agent(&self) -> Result<(), Problem> {
        self.tell(AGENT, "stop")
    }

    /// After a unit has come or gone.
    pub fn reload(&self) -> Result<(), Problem> {
        if self.init == Init::Systemd && manager_runs() {
            run(Command::new("systemctl").arg("daemon-reload"))?;
        }
        Ok(())
    }

    /// Restarts Klipper and Moonraker, which read their parts only then; never in a print.
    pub fn restart_printer(&self) -> Result<Restart, Problem> {
        if self.init == Init::Systemd && !manager_runs() {
            return Ok(Restart::Later("no service manager runs here"));
        }
        let (Some(klipper), Some(moonraker)) = (&self.klipper, &self.moonraker) else {
            return Ok(Restart::Later(UNCLEAR));
        };
        match activity(&self.socket) {
            Activity::Down if self.klipper_is_active() => {
                return Ok(Restart::Later("Klipper runs and does not answer"));
            }
            Activity::Printing => return Ok(Restart::Later("a print is under way")),
            Activity::Busy => return Ok(Restart::Later("Klipper is at work, or heats")),
            Activity::Unknown => {
                return Ok(Restart::Later("Klipper does not say whether a print is under way"));
            }
            // Another printer's Klipper can be in its print.
            Activity::Idle if !self.runs_the_one_that_answers(klipper) => return Ok(Restart::Later(UNCLEAR)),
            Activity::Idle | Activity::Down => {}
        }
        self.tell(klipper, "restart")?;
        self.tell(moonraker, "restart")?;
        Ok(Restart::Done)
    }

    /// Refuses where a purchased file is at hand: nobody could tell its end, and what could open it again would be gone.
    pub fn refuse_while_printing(&self, tree: &Tree, record: &Record) -> Result<(), Problem> {
        refusal(self.job(tree, record))
    }

    /// Stops the agent; where a purchased file came to it meanwhile, it is started again.
    pub fn stop_agent_without_job(&self, tree: &Tree, record: &Record) -> Result<(), Problem> {
        self.stop_agent()?;
        let job = self.job(tree, record);
        // That it does not answer now is no wonder.
        if job != Job::AtHand {
            return Ok(());
        }
        self.tell(AGENT, "start")?;
        refusal(job)
    }

    fn job(&self, tree: &Tree, record: &Record) -> Job {
        let agent = Path::new(AGENT_FOLDER).join("agent.sock");
        job(&self.socket, &agent, noted(tree, record), Path::new(PROC))
    }

    fn runs_the_one_that_answers(&self, klipper: &str) -> bool {
        let Some(pid) = listener(&self.socket) else { return false };
        match self.init {
            Init::Systemd => is_of_service(Path::new(PROC), pid, klipper),
            // A script says nothing of what it started: it is clear where there is one Klipper alone.
            _ => klippers(Path::new(PROC)) == [pid],
        }
    }

    fn klipper_is_active(&self) -> bool {
        let Some(klipper) = &self.klipper else { return false };
        let ask = || Command::new("systemctl").args(["is-active", "--quiet", klipper]).status();
        self.init == Init::Systemd && ask().is_ok_and(|status| status.success())
    }

    /// What a person types to do the same.
    pub fn restart_line(&self) -> String {
        match self.init {
            _ if self.klipper.is_none() || self.moonraker.is_none() => {
                "restart the services of this printer's Klipper and Moonraker".to_owned()
            }
            Init::Systemd => format!("sudo systemctl restart {}", self.names().collect::<Vec<_>>().join(" ")),
            _ => format!("restart the services {}", self.names().collect::<Vec<_>>().join(" and ")),
        }
    }

    fn tell(&self, service: &str, verb: &str) -> Result<(), Problem> {
        if self.init == Init::Systemd {
            // In an image that is being made nothing runs.
            return if manager_runs() {
                run(Command::new("systemctl").args([verb, service]))
            } else {
                Ok(())
            };
        }
        match script(Path::new("/etc/init.d"), service) {
            Some(script) => run(Command::new(script).arg(verb)),
            None if verb == "stop" => Ok(()),
            None => Err(failed(format!("there is no script for {service} in /etc/init.d"))),
        }
    }
}

fn refusal(job: Job) -> Result<(), Problem> {
    match job {
        Job::None => Ok(()),
        Job::AtHand => Err(Problem::new(409, "print_under_way", "A purchased file is being printed, or is on its way to the printer")
            .hint("Wait until it has ended, or cancel it; `--even-so` gives it up: the print then counts as interrupted.")),
        Job::Unknown => Err(Problem::new(409, "print_unknown", "Nobody says whether a purchased file is being printed")
            .detail("Klipper runs, but does not answer on its socket, and the agent does not answer either")
            .hint("Start the agent, or wait until nothing is printed and stop Klipper; `--even-so` does it all the same.")),
    }
}

/// Whether the agent's state says that a job was claimed and has not ended.
fn noted(tree: &Tree, record: &Record) -> Option<bool> {
    let is_keys = |entry: &&Entry| matches!(entry.made, Made::Folder { contents: Contents::Keys });
    let folder = &record.entries.iter().find(is_keys)?.path;
    let text = tree.text(&folder.join("state.json")).ok()??;
    let document: serde_json::Value = serde_json::from_str(&text).ok()?;
    Some(!document["job"].is_null())
}

fn manager_runs() -> bool {
    Path::new("/run/systemd/system").exists()
}

/// `NAME`, or `S60NAME`.
fn script(folder: &Path, service: &str) -> Option<PathBuf> {
    let names =
        std::fs::read_dir(folder).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let is_its = |name: &String| {
        name.strip_suffix(service).is_some_and(|number| {
            number.is_empty()
                || number.strip_prefix('S').is_some_and(|digits| digits.chars().all(|c| c.is_ascii_digit()))
        })
    };
    names.into_iter().find(is_its).map(|name| folder.join(name))
}

fn run(command: &mut Command) -> Result<(), Problem> {
    let line = std::iter::once(command.get_program()).chain(command.get_args());
    let line = line.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let output = command.output().map_err(|error| failed(format!("`{line}`: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(format!("`{line}`: {}", String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "))))
}

fn failed(detail: String) -> Problem {
    Problem::new(500, "service_failed", "A service could not be started or stopped")
        .detail(detail)
        .hint("Everything is in place; look at the service, then start it by hand.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_found_with_and_without_a_number() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["S60klipper", "S61klipper_mcu", "moonraker", "K60klipper"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = |service| script(folder.path(), service).map(|path| path.file_name().unwrap().to_owned());
        assert_eq!(found("klipper").unwrap(), "S60klipper");
        assert_eq!(found("moonraker").unwrap(), "moonraker");
        assert_eq!(found("sealpost-printer"), None);
    }

    #[test]
    fn what_the_agent_wrote_down_says_whether_a_job_is_at_hand() {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::new(folder.path());
        let mut record = Record::empty();
        assert_eq!(noted(&tree, &record), None);
        record.note(Path::new("/var/lib/sealpost-printer"), Made::Folder { contents: Contents::Keys });
        assert_eq!(noted(&tree, &record), None);
        std::fs::create_dir_all(folder.path().join("var/lib/sealpost-printer")).unwrap();
        let mut document = serde_json::to_value(crate::core::Document::default()).unwrap();
        assert!(document.as_object().unwrap().contains_key("job"));
        for (job, said) in [(serde_json::Value::Null, false), (serde_json::json!({"id": "j_a"}), true)] {
            document["job"] = job;
            std::fs::write(folder.path().join("var/lib/sealpost-printer/state.json"), document.to_string())
                .unwrap();
            assert_eq!(noted(&tree, &record), Some(said));
        }
    }
}
