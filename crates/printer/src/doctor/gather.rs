//! Looks at the machine. What cannot be seen is left open; nothing is changed.

use std::{
    fs,
    os::{
        fd::AsFd,
        unix::fs::{MetadataExt, PermissionsExt},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use rustix::{fs::statvfs, net::sockopt::socket_peercred};
use sealpost_api::Problem;
use serde_json::{Value, json};

use super::facts::{AgentFacts, Facts, KeyFile, Service};
use crate::{
    checks::Check,
    install::{AGENT, Ledger, Made, Record, Tree, forgets},
    local::Client,
    machine::swaps_to_disk,
    moonraker::{Address, Moonraker},
    settings::Settings,
    store,
};

const DEADLINE: Duration = Duration::from_secs(10);

/// Looks at everything.
pub async fn gather(settings: Result<Settings, Problem>) -> Facts {
    let tree = Tree::new("/");
    let (record, problem) = match Ledger::look(&tree) {
        Ok(record) => (record, None),
        Err(problem) => (None, Some(problem)),
    };
    let mut facts = Facts {
        installed: record.is_some() || packaged_and_wired(&tree),
        record: problem,
        forgets: forgets(&tree),
        pieces: record.map(|record| pieces(&tree, &record)).unwrap_or_default(),
        service: service(),
        disk_swap: swaps_to_disk(),
        memory_free: memory_free(),
        now: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        ..Facts::default()
    };
    match settings {
        Err(problem) => facts.settings = Some(problem),
        Ok(settings) => with_settings(&tree, &settings, &mut facts).await,
    }
    facts
}

async fn with_settings(tree: &Tree, settings: &Settings, facts: &mut Facts) {
    facts.compatible = settings.compatible;
    facts.allow_reduced = settings.allow_reduced;
    facts.state_dir = key_file(tree, &settings.state_dir);
    let mut keys = ["identity.key", "token.json"].map(|name| settings.state_dir.join(name)).to_vec();
    keys.extend(settings.moonraker_api_key_file.clone());
    facts.keys = keys.iter().filter_map(|path| key_file(tree, path)).collect();
    facts.cache_free = free(&settings.cache_dir);
    match UnixStream::connect(&settings.agent_socket) {
        Ok(stream) => facts.agent = agent(tree, &stream),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            facts.socket = Some(format!("{}: {error}", settings.agent_socket.display()));
        }
        Err(_) => {}
    }
    if facts.agent.is_some() {
        ask_agent(settings, facts).await;
    }
    if let Some(status) = printer(settings).await {
        facts.limits = Some(limits(&status));
        let extra = &status["sealpost"];
        facts.deaf = extra["version"].is_string() && extra["socket"].is_null();
    }
    if let Some(agent) = &mut facts.agent {
        agent.shared_user = klipper_user(tree).is_some_and(|user| user == agent.user);
    }
}

async fn ask_agent(settings: &Settings, facts: &mut Facts) {
    let Ok(Some(mut client)) = Client::connect(&settings.agent_socket).await else { return };
    match client.call("check", Value::Null).await {
        Ok(answer) => facts.checks = serde_json::from_value(answer["checks"].clone()).unwrap_or_default(),
        Err(problem) => facts.checks.push(Check {
            name: "check".to_owned(),
            state: "failed".to_owned(),
            detail: problem.to_string(),
            hint: problem.hint.clone(),
        }),
    }
    let Ok(status) = client.call("status", Value::Null).await else { return };
    facts.was_reduced = status["reduced"] == true;
    if let Some(store) = status["store"].as_str() {
        facts.clock_ahead = clock_ahead(store, facts.now).await;
    }
}

/// By the date in the head of the store's answer.
async fn clock_ahead(store: &str, now: u64) -> Option<i64> {
    let client = store::client().ok()?;
    let url = format!("{}/health", store.trim_end_matches('/'));
    let answer = client.get(url).timeout(DEADLINE).send().await.ok()?;
    let date = answer.headers().get("date")?.to_str().ok()?;
    // RFC 9110 writes `GMT` where RFC 2822 writes an offset.
    let date = date.replace("GMT", "+0000");
    let date = time::OffsetDateTime::parse(&date, &time::format_description::well_known::Rfc2822).ok()?;
    i64::try_from(now).ok().map(|now| now - date.unix_timestamp())
}

/// What Klipper says of itself; `None` where it cannot be asked.
async fn printer(settings: &Settings) -> Option<Value> {
    let address = Address {
        url: settings.moonraker_url.clone(),
        socket: settings.moonraker_socket.clone(),
        api_key_file: settings.moonraker_api_key_file.clone(),
    };
    let moonraker = Moonraker::connect(address, store::client().ok()?, |_| {});
    let objects = json!({"objects": {
        "configfile": ["settings"], "toolhead": ["axis_maximum"], "sealpost": ["version", "socket"],
    }});
    // The connection is made in the background.
    for _ in 0..30 {
        if let Ok(mut answer) = moonraker.call("printer.objects.query", objects.clone(), DEADLINE).await {
            return Some(answer["status"].take());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    None
}

fn limits(status: &Value) -> Vec<&'static str> {
    let mut known = Vec::new();
    if status["configfile"]["settings"]["extruder"]["max_temp"].is_number() {
        known.push("heater limits");
    }
    if status["toolhead"]["axis_maximum"].is_array() {
        known.push("reach of the axes");
    }
    known
}

/// What the record says is there and is not.
fn pieces(tree: &Tree, record: &Record) -> Vec<String> {
    let is_there = |path: &Path, made: &Made| match made {
        Made::User { name } => tree.account(name).is_some(),
        // Who may not look inside cannot tell.
        Made::Folder { .. } | Made::File { .. } => {
            fs::symlink_metadata(tree.at(path)).is_ok() || !visible(tree, path)
        }
        Made::Link { .. } => tree.exists(path),
        Made::Block { texts, .. } => tree.text(path).ok().flatten().is_none_or(|text| {
            texts.last().is_none_or(|block| block.lines().all(|line| text.lines().any(|other| other == line)))
        }),
    };
    let gone = record.entries.iter().filter(|entry| !is_there(&entry.path, &entry.made));
    gone.map(|entry| entry.path.display().to_string()).collect()
}

fn visible(tree: &Tree, path: &Path) -> bool {
    let denied = |error: std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
    !fs::symlink_metadata(tree.at(path)).is_err_and(denied)
}

/// Only root reads the record; the folder of the socket shows everybody that there is one.
fn packaged_and_wired(tree: &Tree) -> bool {
    tree.is_dir(Path::new(crate::install::HANDOVER_FOLDER)) && tree.account(AGENT).is_some()
}

fn service() -> Service {
    if !Path::new("/run/systemd/system").exists() {
        let files = ["/etc/init.d", "/etc/systemd/system", "/usr/lib/systemd/system"].into_iter();
        let mut files = files.filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
        let is_ours = |entry: fs::DirEntry| entry.file_name().to_string_lossy().contains(AGENT);
        return if files.any(is_ours) { Service::Unknown } else { Service::Absent };
    }
    let output = Command::new("systemctl").args(["show", AGENT, "--property=LoadState,ActiveState"]).output();
    let Ok(output) = output else { return Service::Unknown };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
    };
    match (value("LoadState").as_deref(), value("ActiveState")) {
        (Some("not-found"), _) => Service::Absent,
        (_, Some(state)) if state == "active" => Service::Running,
        (_, Some(state)) => Service::Stopped(state),
        (_, None) => Service::Unknown,
    }
}

fn agent(tree: &Tree, stream: &UnixStream) -> Option<AgentFacts> {
    let peer = socket_peercred(stream.as_fd()).ok()?;
    let pid = peer.pid.as_raw_nonzero().get();
    let uid = peer.uid.as_raw();
    let process = PathBuf::from(format!("/proc/{pid}"));
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib * 1024)
    };
    let limits = fs::read_to_string(process.join("limits")).unwrap_or_default();
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size"));
    let core =
        core.and_then(|rest| rest.split_whitespace().nth(1)).map(|hard| hard.parse().unwrap_or(u64::MAX));
    // The kernel gives the folder of a process that cannot be looked into to root.
    let dumpable = fs::metadata(process.join("fd")).ok().filter(|_| uid != 0).map(|fd| fd.uid() != 0);
    Some(AgentFacts {
        pid,
        user: name(tree, uid),
        shared_user: false,
        dumpable,
        core_limit: core,
        locked: kib("VmLck"),
        swapped: kib("VmSwap"),
    })
}

/// Who owns the folder of the extra's socket.
fn klipper_user(tree: &Tree) -> Option<String> {
    let owner = fs::metadata(crate::install::HANDOVER_FOLDER).ok()?.uid();
    Some(name(tree, owner))
}

fn key_file(tree: &Tree, path: &Path) -> Option<KeyFile> {
    let metadata = fs::metadata(path).ok()?;
    let mode = metadata.permissions().mode() & 0o7777;
    Some(KeyFile { path: path.to_owned(), user: name(tree, metadata.uid()), mode })
}

fn name(tree: &Tree, uid: u32) -> String {
    let account = tree.accounts().into_iter().find(|account| account.uid == uid);
    account.map_or_else(|| uid.to_string(), |account| account.name)
}

fn free(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|folder| folder.exists())?;
    statvfs(there).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn memory_free() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib * 1024)
}
