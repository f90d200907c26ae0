//! What the facts mean.

use super::{
    Finding, State,
    facts::{AgentFacts, Facts, KeyFile, Service},
};
use crate::checks::Check;

const MIB: u64 = 1 << 20;
/// Less is too little for most files.
const ROOM: u64 = 512 * MIB;
/// Less is too little for any.
const NO_ROOM: u64 = 64 * MIB;
/// An opened file lies in memory.
const MEMORY: u64 = 128 * MIB;
/// Seconds between two clocks that are nothing.
const DRIFT: i64 = 300;
/// No machine that runs this program is older: 2025-01-01.
const EARLIEST: u64 = 1_735_689_600;

/// One line for each thing, in the order in which a person mends them.
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    found.push(settings(facts));
    found.push(installed(facts));
    found.extend(forgets(facts));
    found.push(service(facts));
    match &facts.agent {
        Some(agent) => {
            found.push(ok("agent", format!("the agent runs, process {}", agent.pid)));
            process(agent, facts, &mut found);
        }
        None => found.push(agent_missing(facts)),
    }
    found.extend(rights(facts));
    found.push(clock(facts));
    found.extend(
        facts.checks.iter().filter(|check| !matches!(check.name.as_str(), "agent" | "swap")).map(of_check),
    );
    if facts.deaf {
        found.push(fail(
            "listens",
            "Klipper has loaded the extra, which cannot listen: the agent's user or the socket's folder is missing",
            "Run `sealpost-printer install`, then restart Klipper; klippy.log says what is missing.",
        ));
    }
    found.push(protection(facts));
    if !facts.checks.iter().any(|check| check.name == "limits") {
        found.extend(limits(facts));
    }
    found.push(match facts.disk_swap {
        true => warn(
            "swap",
            "this machine swaps memory to a disk, and what Klipper prints may get there",
            "Use zram instead, or run `swapoff -a`. The agent itself is never swapped out where systemd runs it.",
        ),
        false => ok("swap", "no memory gets onto a disk"),
    });
    found.extend(room(facts));
    found
}

fn settings(facts: &Facts) -> Finding {
    match &facts.settings {
        None => ok("settings", "the settings can be used"),
        Some(problem) => fail("settings", format!("{}: {}", problem.title, problem.detail), &problem.hint),
    }
}

fn installed(facts: &Facts) -> Finding {
    if let Some(problem) = &facts.record {
        return fail("installed", format!("{}: {}", problem.title, problem.detail), &problem.hint);
    }
    match (facts.installed, facts.pieces.as_slice()) {
        (false, _) => warn(
            "installed",
            "`sealpost-printer install` was not run here",
            "Where everything was put in by hand that is fine; else run it.",
        ),
        (true, []) => ok("installed", "every piece is where it was put"),
        (true, pieces) => fail(
            "installed",
            format!("gone or changed: {}", pieces.join(", ")),
            "Run `sealpost-printer install` again: it puts back what is gone and leaves what you changed.",
        ),
    }
}

fn forgets(facts: &Facts) -> Option<Finding> {
    (facts.installed && facts.forgets).then(|| {
        warn(
            "forgets",
            "this system forgets the installation when it restarts; everything else goes on printing then",
            "Run `sealpost-printer install` after each restart and firmware update, or let the system keep what is installed (`/oem/.debug`).",
        )
    })
}

fn service(facts: &Facts) -> Finding {
    match &facts.service {
        Service::Running => ok("service", "the service is running"),
        Service::Unknown => warn(
            "service",
            "no service manager says how the service stands",
            "Where scripts start services: `/etc/init.d/*sealpost-printer status`.",
        ),
        Service::Absent => {
            fail("service", "there is no service `sealpost-printer`", "Run `sealpost-printer install`.")
        }
        Service::Stopped(state) => fail(
            "service",
            format!("the service is {state}"),
            "`sudo systemctl restart sealpost-printer`, then `journalctl -u sealpost-printer`.",
        ),
    }
}

fn agent_missing(facts: &Facts) -> Finding {
    match &facts.socket {
        Some(why) => fail(
            "agent",
            format!("the agent's socket may not be used: {why}"),
            "Run this with sudo, or as the user who runs Moonraker.",
        ),
        None => fail(
            "agent",
            "the agent does not run",
            "`sudo systemctl start sealpost-printer`; its log says why it ended.",
        ),
    }
}

fn process(agent: &AgentFacts, facts: &Facts, found: &mut Vec<Finding>) {
    found.push(match agent.shared_user {
        true => warn(
            "user",
            format!(
                "the agent runs as {}, as Klipper does: that user's programs can read its key file",
                agent.user
            ),
            "Run `sealpost-printer install`: it gives the agent a user of its own.",
        ),
        false => ok("user", format!("the agent has a user of its own, {}", agent.user)),
    });
    let report = "Update the agent; if it stays, report it.";
    found.push(match agent.dumpable {
        Some(false) => ok("dumpable", "no other program can look into the agent"),
        Some(true) => fail("dumpable", "other programs of its user can look into the agent", report),
        None => warn(
            "dumpable",
            "it cannot be told whether others can look into the agent",
            "Run this with sudo.",
        ),
    });
    found.push(match agent.core_limit {
        Some(0 | 1) => ok("core", "the agent leaves no core files"),
        Some(_) => fail("core", "the agent may leave core files", report),
        None => warn("core", "it cannot be told whether the agent leaves core files", "Run this with sudo."),
    });
    let has_key = facts.keys.iter().any(|key| key.path.ends_with("identity.key"));
    found.push(match agent.locked {
        Some(0) if has_key => warn(
            "memlock",
            "the agent's key is not locked in memory",
            "Raise the limit of locked memory: `LimitMEMLOCK=` in its unit, `ulimit -l` elsewhere.",
        ),
        Some(0) => ok("memlock", "there is no key yet that could be locked in memory"),
        Some(_) => ok("memlock", "the agent's key is locked in memory"),
        None => warn(
            "memlock",
            "it cannot be told whether the agent's key is locked in memory",
            "Run this with sudo.",
        ),
    });
    if agent.swapped.is_some_and(|bytes| bytes > 0) {
        found.push(warn(
            "swapped",
            "memory of the agent is swapped out",
            "Restart it; where systemd starts it, `MemorySwapMax=0` in its unit forbids that.",
        ));
    }
}

fn rights(facts: &Facts) -> Vec<Finding> {
    let open = |file: &&KeyFile| file.mode & 0o077 != 0;
    let mut files = facts.state_dir.iter().chain(&facts.keys);
    let wrong: Vec<String> = files
        .clone()
        .filter(open)
        .map(|file| format!("{} has mode {:04o}", file.path.display(), file.mode))
        .collect();
    let foreign = facts
        .agent
        .as_ref()
        .and_then(|agent| files.find(|file| file.user != agent.user && file.user != "root"));
    if !wrong.is_empty() {
        let hint = "chmod 0700 the folder and 0600 the files; look who could have read them meanwhile, and pair again.";
        return vec![fail("key_mode", wrong.join(", "), hint)];
    }
    if let Some(file) = foreign {
        let text = format!("{} belongs to {}", file.path.display(), file.user);
        return vec![fail("key_mode", text, "Give it to the user the agent runs as: `chown`.")];
    }
    match (&facts.state_dir, facts.keys.len()) {
        (None, _) => {
            vec![warn("key_mode", "the agent's folder cannot be looked into", "Run this with sudo.")]
        }
        (Some(_), 0) => vec![ok(
            "key_mode",
            "the agent's folder is closed to others; there is no key yet, or only root sees it",
        )],
        (Some(_), _) => vec![ok("key_mode", "keys and tokens are closed to others")],
    }
}

fn clock(facts: &Facts) -> Finding {
    if facts.now < EARLIEST {
        return warn(
            "clock",
            "this machine's clock is years behind",
            "Set up NTP. The agent goes by the store's signed time, but certificates are checked by this clock.",
        );
    }
    match facts.clock_ahead {
        Some(ahead) if ahead.abs() > DRIFT => {
            let way = if ahead > 0 { "ahead of" } else { "behind" };
            warn("clock", format!("this clock is {} s {way} the store's", ahead.abs()), "Set up NTP.")
        }
        Some(_) => ok("clock", "the clock agrees with the store's"),
        None => ok("clock", "the clock is plausible; the store was not asked"),
    }
}

fn of_check(check: &Check) -> Finding {
    let state = match check.state.as_str() {
        "ok" => State::Ok,
        "warning" => State::Warn,
        _ => State::Fail,
    };
    Finding { code: check.name.clone(), state, text: check.detail.clone(), hint: check.hint.clone() }
}

fn protection(facts: &Facts) -> Finding {
    let hint = "See `Compatible mode` in the printer guide; the socket of the extra needs neither.";
    if facts.compatible {
        return warn(
            "handover",
            "reduced: files are handed over by command, and programs of Klipper's user can read them meanwhile",
            hint,
        );
    }
    if facts.was_reduced {
        return warn(
            "handover",
            "reduced: other programs of Klipper's user can look into it",
            "Update Klipper's extra and restart Klipper.",
        );
    }
    if facts.allow_reduced {
        return warn("handover", "reduced protection is allowed by the settings (`allow_reduced`)", hint);
    }
    ok("handover", "files go to Klipper alone, through its socket")
}

fn limits(facts: &Facts) -> Option<Finding> {
    let known = facts.limits.as_ref()?;
    let missing: Vec<&str> =
        ["heater limits", "reach of the axes"].into_iter().filter(|limit| !known.contains(limit)).collect();
    Some(match missing.as_slice() {
        [] => ok("limits", "the printer's heaters and axes are known: files are checked against them"),
        missing => warn(
            "limits",
            format!("not known: {}; files are not checked against that", missing.join(", ")),
            "Is Klipper ready? `max_temp` and `position_max` of printer.cfg are what is looked for.",
        ),
    })
}

fn room(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    let hint = "Free some: a purchased file is downloaded whole before it is opened.";
    found.extend(facts.cache_free.map(|free| match free {
        free if free < NO_ROOM => fail("disk", format!("{} MiB are free for downloads", free / MIB), hint),
        free if free < ROOM => warn("disk", format!("{} MiB are free for downloads", free / MIB), hint),
        free => ok("disk", format!("{} MiB are free for downloads", free / MIB)),
    }));
    found.extend(facts.memory_free.map(|free| match free {
        free if free < MEMORY => warn(
            "memory",
            format!("{} MiB of memory are free, and an opened file lies in memory", free / MIB),
            "Stop what is not needed, such as a camera, before large prints.",
        ),
        free => ok("memory", format!("{} MiB of memory are free for opened files", free / MIB)),
    }));
    found
}

fn ok(code: &str, text: impl Into<String>) -> Finding {
    Finding { code: code.to_owned(), state: State::Ok, text: text.into(), hint: String::new() }
}

fn warn(code: &str, text: impl Into<String>, hint: &str) -> Finding {
    Finding { code: code.to_owned(), state: State::Warn, text: text.into(), hint: hint.to_owned() }
}

fn fail(code: &str, text: impl Into<String>, hint: &str) -> Finding {
    Finding { code: code.to_owned(), state: State::Fail, text: text.into(), hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use sealpost_api::Problem;

    use super::*;

    fn good() -> Facts {
        let key = |path: &str, mode| KeyFile { path: path.into(), user: "sealpost-printer".to_owned(), mode };
        Facts {
            installed: true,
            service: Service::Running,
            agent: Some(AgentFacts {
                pid: 7,
                user: "sealpost-printer".to_owned(),
                dumpable: Some(false),
                core_limit: Some(0),
                locked: Some(4096),
                ..AgentFacts::default()
            }),
            state_dir: Some(key("/var/lib/sealpost-printer", 0o700)),
            keys: vec![key("/var/lib/sealpost-printer/identity.key", 0o600)],
            cache_free: Some(ROOM),
            memory_free: Some(MEMORY),
            clock_ahead: Some(-3),
            now: EARLIEST,
            limits: Some(vec!["heater limits", "reach of the axes"]),
            ..Facts::default()
        }
    }

    fn worst(facts: &Facts) -> (State, Vec<String>) {
        let findings = judge(facts);
        let worst = findings.iter().map(|finding| finding.state).max().unwrap();
        let codes = findings.iter().filter(|finding| finding.state == worst && worst != State::Ok);
        (worst, codes.map(|finding| finding.code.clone()).collect())
    }

    #[test]
    fn all_is_well_where_all_is_well() {
        assert_eq!(worst(&good()), (State::Ok, Vec::new()));
    }

    #[test]
    fn each_trouble_has_a_line_and_a_hint() {
        let agent = |facts: &mut Facts, change: fn(&mut AgentFacts)| facts.agent.iter_mut().for_each(change);
        type Case = (&'static str, State, Box<dyn Fn(&mut Facts)>);
        let cases: Vec<Case> = vec![
            (
                "settings",
                State::Fail,
                Box::new(|facts| facts.settings = Some(Problem::new(400, "x", "y").hint("z"))),
            ),
            ("installed", State::Warn, Box::new(|facts| facts.installed = false)),
            ("installed", State::Fail, Box::new(|facts| facts.pieces = vec!["/x".to_owned()])),
            (
                "installed",
                State::Fail,
                Box::new(|facts| facts.record = Some(Problem::new(409, "x", "y").hint("z"))),
            ),
            ("forgets", State::Warn, Box::new(|facts| facts.forgets = true)),
            ("listens", State::Fail, Box::new(|facts| facts.deaf = true)),
            ("service", State::Fail, Box::new(|facts| facts.service = Service::Stopped("failed".to_owned()))),
            ("service", State::Fail, Box::new(|facts| facts.service = Service::Absent)),
            ("agent", State::Fail, Box::new(|facts| facts.agent = None)),
            ("user", State::Warn, Box::new(move |facts| agent(facts, |agent| agent.shared_user = true))),
            (
                "dumpable",
                State::Fail,
                Box::new(move |facts| agent(facts, |agent| agent.dumpable = Some(true))),
            ),
            ("core", State::Fail, Box::new(move |facts| agent(facts, |agent| agent.core_limit = Some(4096)))),
            ("memlock", State::Warn, Box::new(move |facts| agent(facts, |agent| agent.locked = Some(0)))),
            ("swapped", State::Warn, Box::new(move |facts| agent(facts, |agent| agent.swapped = Some(1)))),
            ("key_mode", State::Fail, Box::new(|facts| facts.keys[0].mode = 0o640)),
            ("key_mode", State::Fail, Box::new(|facts| facts.state_dir.as_mut().unwrap().mode = 0o755)),
            ("key_mode", State::Fail, Box::new(|facts| facts.keys[0].user = "pi".to_owned())),
            ("clock", State::Warn, Box::new(|facts| facts.now = 0)),
            ("clock", State::Warn, Box::new(|facts| facts.clock_ahead = Some(-301))),
            ("handover", State::Warn, Box::new(|facts| facts.compatible = true)),
            ("handover", State::Warn, Box::new(|facts| facts.allow_reduced = true)),
            ("handover", State::Warn, Box::new(|facts| facts.was_reduced = true)),
            ("limits", State::Warn, Box::new(|facts| facts.limits = Some(vec!["heater limits"]))),
            ("swap", State::Warn, Box::new(|facts| facts.disk_swap = true)),
            ("disk", State::Fail, Box::new(|facts| facts.cache_free = Some(NO_ROOM - 1))),
            ("disk", State::Warn, Box::new(|facts| facts.cache_free = Some(ROOM - 1))),
            ("memory", State::Warn, Box::new(|facts| facts.memory_free = Some(0))),
        ];
        for (code, state, change) in cases {
            let mut facts = good();
            change(&mut facts);
            assert_eq!(worst(&facts), (state, vec![code.to_owned()]), "{code}");
            let told = judge(&facts).into_iter().find(|finding| finding.code == code).unwrap();
            assert!(!told.hint.is_empty(), "{code}");
        }
    }

    #[test]
    fn what_the_agent_found_is_told_under_its_own_names() {
        let check = |name: &str, state: &str| Check {
            name: name.to_owned(),
            state: state.to_owned(),
            detail: "d".to_owned(),
            hint: "h".to_owned(),
        };
        let mut facts = good();
        facts.checks = vec![check("login", "failed"), check("extra", "warning"), check("limits", "ok")];
        assert_eq!(worst(&facts), (State::Fail, vec!["login".to_owned()]));
        let codes: Vec<String> = judge(&facts).into_iter().map(|finding| finding.code).collect();
        assert_eq!(codes.iter().filter(|code| *code == "limits").count(), 1);
    }
}
