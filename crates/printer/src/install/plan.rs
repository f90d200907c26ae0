//! From what was found to what is to be done. No file is touched here.

use std::path::{Path, PathBuf};

use sealpost_api::Problem;
use serde::Serialize;

use super::{
    included::covers,
    pieces,
    step::{Contents, Rights, Step},
    system::{Access, Init, System},
    text,
};

/// The agent's user, its group, its service.
pub const AGENT: &str = "sealpost-printer";
/// Where the agent listens: the folder's group may call it.
pub const AGENT_FOLDER: &str = "/run/sealpost-printer";
/// Where the extra listens: the folder's group may call it.
pub const HANDOVER_FOLDER: &str = "/run/sealpost-handover";
/// Klipper's lines on a system that forgets: they go with the link, the user and the folders that they name.
const FORGOTTEN_CFG: &str = "/etc/sealpost/klipper.cfg";
/// How printer.cfg, which is kept, reads them while they are there.
const FORGOTTEN_PATTERN: &str = "/etc/sealpost/*.cfg";
/// Where a program that no package installed goes.
const PROGRAM: &str = "/usr/local/bin/sealpost-printer";

/// What is to be done.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The changes, in order: undone from the last to the first.
    pub steps: Vec<Step>,
    /// What the person should know before.
    pub notes: Vec<String>,
}

/// Plans an installation.
pub fn plan(system: &System) -> Result<Plan, Problem> {
    refuse_foreign(system)?;
    let mut steps = Vec::new();
    let state = state_folder(system);
    user_and_folders(system, &state, &mut steps);
    settings(system, &state, &mut steps);
    if !system.packaged {
        steps.push(Step::Program { path: PROGRAM.into(), from: system.program.clone() });
    }
    service(system, &mut steps);
    parts(system, &mut steps);
    snippets(system, &mut steps);
    Ok(Plan { steps, notes: notes(system) })
}

fn state_folder(system: &System) -> PathBuf {
    match &system.kept {
        Some(kept) => kept.join(AGENT),
        None => Path::new("/var/lib").join(AGENT),
    }
}

/// Sections that somebody else wrote, or another program's, cannot be joined by ours.
fn refuse_foreign(system: &System) -> Result<(), Problem> {
    let sections = ["sealpost", "encrypted_file_bridge", "secure_print"];
    let refuse = |path: &Path, section: &str| {
        Err(Problem::new(
            409,
            "section_there",
            "Sealpost is configured already, by hand or by another program",
        )
        .detail(format!("{} has a section [{section}]", path.display()))
        .hint("Take that section out, then run the command again; or keep it as it is and install nothing."))
    };
    for (file, sections) in [(&system.printer_cfg, &sections[..]), (&system.moonraker_conf, &sections[..1])] {
        if let Some(section) = sections.iter().find(|section| text::has_section(&file.text, section)) {
            return refuse(&file.path, section);
        }
    }
    if let Some(section) = ["lmnt_marketplace_plugin", "encrypted_print"]
        .iter()
        .find(|section| text::has_section(&system.moonraker_conf.text, section))
    {
        return Err(Problem::new(
            409,
            "lmnt_plugin_there",
            "The LMNT plugin, or a Sealpost put in by hand, is there",
        )
        .detail(format!("{} has a section [{section}]", system.moonraker_conf.path.display()))
        .hint("Both serve the same addresses. Uninstall the other one first: its sections and its links."));
    }
    Ok(())
}

fn user_and_folders(system: &System, state: &Path, steps: &mut Vec<Step>) {
    if !system.packaged {
        steps.push(Step::User { name: AGENT.to_owned(), home: state.to_owned() });
    }
    let folder = |path: PathBuf, rights, contents| Step::Folder { path, rights, contents };
    let private = || Rights::new(0o700, AGENT, AGENT);
    let cache = match &system.kept {
        Some(_) => state.join("cache"),
        None => Path::new("/var/cache").join(AGENT),
    };
    steps.push(folder("/etc/sealpost".into(), Rights::new(0o755, "root", "root"), Contents::Others));
    steps.push(folder(state.to_owned(), private(), Contents::Keys));
    steps.push(folder(cache, private(), Contents::Ours));
    // The set-group-id bit gives sockets the folder's group: no user has to join a group for that.
    let (owner, group) = (&system.owner.name, &system.owner.group);
    steps.push(folder(AGENT_FOLDER.into(), Rights::new(0o2750, AGENT, group), Contents::Ours));
    steps.push(folder(HANDOVER_FOLDER.into(), Rights::new(0o2750, owner, AGENT), Contents::Ours));
    if system.gcodes {
        steps.push(folder(
            system.data.join("gcodes/sealpost"),
            Rights::new(0o755, owner, group),
            Contents::Stubs,
        ));
    }
}

fn settings(system: &System, state: &Path, steps: &mut Vec<Step>) {
    let mut wanted = Vec::new();
    if system.kept.is_some() {
        let cache = state.join("cache").display().to_string();
        wanted.push(("state_dir", state.display().to_string()));
        wanted.push(("cache_dir", cache));
        wanted.push(("agent_socket", format!("{AGENT_FOLDER}/agent.sock")));
    }
    if system.moonraker.port != 7125 {
        wanted.push(("moonraker_url", format!("http://127.0.0.1:{}", system.moonraker.port)));
    }
    if let Access::Key(Some(key)) = &system.access {
        let path = state.join("moonraker.key");
        wanted.push(("moonraker_api_key_file", path.display().to_string()));
        steps.push(Step::Key { path, rights: Rights::new(0o600, AGENT, AGENT), key: key.clone() });
    }
    // What the file says already is its owner's choice, or an earlier run's.
    let kept = system.kept_settings.as_deref().filter(|_| system.kept.is_some());
    let text = system.settings.as_ref().map(|file| file.text.as_str()).or(kept).unwrap_or_default();
    let said: Option<toml::Table> = text.parse().ok();
    wanted.retain(|(key, _)| said.as_ref().is_some_and(|said| !said.contains_key(*key)));
    let lines: String = wanted.iter().map(|(key, value)| format!("{key} = {value:?}\n")).collect();
    let path = PathBuf::from(crate::settings::DEFAULT_PATH);
    if system.settings.is_none() {
        // Lines are put before what may end in a table.
        let text =
            kept.map_or_else(|| format!("{}{lines}", pieces::SETTINGS), |kept| format!("{lines}{kept}"));
        steps.push(Step::File { path, rights: Rights::new(0o644, "root", "root"), text });
    } else if !lines.is_empty() {
        steps.push(Step::Block { path, text: format!("# Found by `sealpost-printer install`.\n{lines}") });
    }
}

fn service(system: &System, steps: &mut Vec<Step>) {
    let root = |mode| Rights::new(mode, "root", "root");
    let program = if system.packaged { &system.program } else { Path::new(PROGRAM) };
    let (owner, group) = (&system.owner.name, &system.owner.group);
    if system.init == Init::Systemd {
        let text = pieces::tmpfiles(owner, group);
        steps.push(Step::File {
            path: "/etc/tmpfiles.d/sealpost-printer.conf".into(),
            rights: root(0o644),
            text,
        });
        let mut unit = PathBuf::from("/usr/lib/systemd/system/sealpost-printer.service");
        if !system.packaged {
            unit = "/etc/systemd/system/sealpost-printer.service".into();
            steps.push(Step::File { path: unit.clone(), rights: root(0o644), text: pieces::unit(program) });
        }
        let wants = Path::new("/etc/systemd/system/multi-user.target.wants");
        steps.push(folder_of_links(wants.to_owned()));
        steps.push(Step::Link { path: wants.join("sealpost-printer.service"), target: unit });
        return;
    }
    let name = if system.init == Init::BusyBox { "S59sealpost-printer" } else { AGENT };
    let script = Path::new("/etc/init.d").join(name);
    steps.push(folder_of_links("/etc/default".into()));
    let text = pieces::defaults(program, owner, group);
    steps.push(Step::File { path: Path::new("/etc/default").join(AGENT), rights: root(0o644), text });
    steps.push(Step::File { path: script, rights: root(0o755), text: pieces::INIT.to_owned() });
    if system.init == Init::SysV {
        for (level, link) in
            ["0K01", "1K01", "2S01", "3S01", "4S01", "5S01", "6K01"].map(|way| way.split_at(1))
        {
            let path = PathBuf::from(format!("/etc/rc{level}.d/{link}{AGENT}"));
            steps.push(Step::Link { path, target: Path::new("../init.d").join(AGENT) });
        }
    }
}

/// A folder of the system's that is nearly always there.
fn folder_of_links(path: PathBuf) -> Step {
    Step::Folder { path, rights: Rights::new(0o755, "root", "root"), contents: Contents::Others }
}

fn parts(system: &System, steps: &mut Vec<Step>) {
    let target = |part: &str| system.parts.folder.join(part);
    steps.push(Step::Link {
        path: system.klipper.extras.join("sealpost"),
        target: target("klipper/sealpost"),
    });
    steps.push(Step::Link {
        path: system.moonraker.components.join("sealpost"),
        target: target("moonraker/sealpost"),
    });
}

fn snippets(system: &System, steps: &mut Vec<Step>) {
    let rights = || Rights::new(0o644, &system.owner.name, &system.owner.group);
    let beside = |path: &Path, name: &str| path.with_file_name(name);
    let (cfg, conf) = (&system.printer_cfg, &system.moonraker_conf);
    let update = system.parts.checkout.as_ref().map(|checkout| {
        let services = [&system.klipper.service, &system.moonraker.service];
        let services: Vec<&str> = services.into_iter().flatten().map(String::as_str).collect();
        pieces::update_manager(&system.parts.folder, checkout, &services)
    });
    let conf_text = format!("{}{}", pieces::MOONRAKER, update.unwrap_or_default());
    let cfg_file = |path, rights| Step::File { path, rights, text: pieces::klipper() };
    let cfg_included = if system.kept.is_some() {
        // What is kept may name the rest by a pattern alone: it is no mistake that the rest is forgotten.
        steps.push(cfg_file(FORGOTTEN_CFG.into(), Rights::new(0o644, "root", "root")));
        FORGOTTEN_PATTERN
    } else {
        steps.push(cfg_file(beside(&cfg.path, "sealpost.cfg"), rights()));
        "sealpost.cfg"
    };
    steps.push(Step::File { path: beside(&conf.path, "sealpost.conf"), rights: rights(), text: conf_text });
    for (file, included) in [(cfg, cfg_included), (conf, "sealpost.conf")] {
        let block = pieces::include(included);
        let ours =
            if included == FORGOTTEN_PATTERN { FORGOTTEN_CFG.into() } else { beside(&file.path, included) };
        // Ours from an earlier run counts as ours; somebody's pattern does the same without it.
        let is_read = text::includes(&file.text).any(|said| covers(&file.path, said, &ours));
        if text::contains(&file.text, &block) || !is_read {
            steps.push(Step::Block { path: file.path.clone(), text: block });
        }
    }
    if let Some(asvc) = &system.asvc
        && (text::contains(&asvc.text, pieces::ASVC) || !asvc.text.lines().any(|line| line.trim() == AGENT))
    {
        steps.push(Step::Block { path: asvc.path.clone(), text: pieces::ASVC.to_owned() });
    }
}

fn notes(system: &System) -> Vec<String> {
    let mut notes = Vec::new();
    if !system.in_owners_group.is_empty() {
        notes.push(format!(
            "The group {} has other users too ({}): all of them can command the agent.",
            system.owner.group,
            system.in_owners_group.join(", ")
        ));
    }
    if system.access == Access::Key(None) {
        notes.push(
            "Moonraker does not trust this machine and could not be asked for its API key. Start Moonraker and run this again; or put the key into a file and name it as `moonraker_api_key_file`.".to_owned(),
        );
    }
    if let Some(kept) = &system.kept {
        notes.push(format!(
            "This system forgets what is outside {} when it restarts{}: Sealpost is gone then, the printer prints everything else, and this command puts it back. Keys and state stay in {}, and the settings are put back as they were when this command ran last.",
            kept.display(),
            if system.remembers { ", but for /oem/.debug, which is there until the next firmware update" } else { ", because /oem/.debug is not there" },
            kept.join(AGENT).display()
        ));
    }
    if !system.packaged && system.parts.checkout.is_none() {
        notes.push(format!(
            "{} is no checkout with an origin: Moonraker's update manager gets no section.",
            system.parts.folder.display()
        ));
    }
    if system.asvc.is_none() {
        notes.push("moonraker.asvc is not there: Moonraker cannot restart the agent's service.".to_owned());
    }
    notes
}
