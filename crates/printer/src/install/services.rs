//! Starts, stops and restarts services of this machine; Klipper and Moonraker only while nothing is printed.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use sealpost_api::Problem;
use serde::{Deserialize, Serialize};

use super::{
    live::{Activity, activity, has_job},
    plan::{AGENT, AGENT_FOLDER},
    system::{Init, System},
};

/// The services of a machine.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Services {
    init: Init,
    klipper: String,
    moonraker: String,
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
        [self.klipper.as_str(), self.moonraker.as_str()].into_iter()
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
        match activity(&self.socket) {
            Activity::Down if self.klipper_is_active() => {
                return Ok(Restart::Later("Klipper runs and does not answer"));
            }
            Activity::Printing => return Ok(Restart::Later("a print is under way")),
            Activity::Busy => return Ok(Restart::Later("Klipper is at work, or heats")),
            Activity::Unknown => {
                return Ok(Restart::Later("Klipper does not say whether a print is under way"));
            }
            Activity::Idle | Activity::Down => {}
        }
        self.tell(&self.klipper, "restart")?;
        self.tell(&self.moonraker, "restart")?;
        Ok(Restart::Done)
    }

    /// Refuses where a purchased file is at hand: nobody could tell its end, and what could open it again would be gone.
    pub fn refuse_while_printing(&self) -> Result<(), Problem> {
        let agent = Path::new(AGENT_FOLDER).join("agent.sock");
        if !has_job(&self.socket, &agent) {
            return Ok(());
        }
        Err(Problem::new(409, "print_under_way", "A purchased file is being printed, or is on its way to the printer")
            .hint("Wait until it has ended, or cancel it; `--even-so` gives it up: the print then counts as interrupted."))
    }

    fn klipper_is_active(&self) -> bool {
        let ask = || Command::new("systemctl").args(["is-active", "--quiet", &self.klipper]).status();
        self.init == Init::Systemd && ask().is_ok_and(|status| status.success())
    }

    /// What a person types to do the same.
    pub fn restart_line(&self) -> String {
        match self.init {
            Init::Systemd => format!("sudo systemctl restart {} {}", self.klipper, self.moonraker),
            _ => format!("restart the services {} and {}", self.klipper, self.moonraker),
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
}
