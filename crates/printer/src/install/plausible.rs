//! Whether an installation can have made what a record says: what it says is undone as root.

use std::path::{Component, Path};

use super::{
    plan::{AGENT, AGENT_FOLDER, HANDOVER_FOLDER},
    record::{Entry, Made, Record},
    step::Contents,
};

/// Names of files in the configuration's folder and beside it that get lines.
const EDITED: [&str; 4] = ["printer.cfg", "moonraker.conf", "moonraker.asvc", "printer.toml"];
/// Names of files that are ours.
const FILES: [&str; 9] = [
    AGENT,
    "S59sealpost-printer",
    "klipper.cfg",
    "moonraker.key",
    "printer.toml",
    "sealpost-printer.conf",
    "sealpost-printer.service",
    "sealpost.cfg",
    "sealpost.conf",
];
/// What a folder with everything in it is removed below.
const WHOLE: [&str; 3] = ["/var/lib", "/var/cache", "/oem/printer_data"];

/// What no installation makes; `None` where all is plausible.
pub(super) fn strange(record: &Record) -> Option<String> {
    let service = record.services.as_ref().and_then(|services| services.names().find(|name| !is_name(name)));
    if let Some(name) = service {
        return Some(format!("a service {name:?}"));
    }
    record.entries.iter().find(|entry| !is_plausible(entry)).map(|entry| entry.path.display().to_string())
}

fn is_plausible(entry: &Entry) -> bool {
    let path = &entry.path;
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !path.is_absolute() || !plain {
        return false;
    }
    match &entry.made {
        Made::User { name } => name == AGENT,
        Made::Folder { contents: Contents::Others } => true,
        Made::Folder { contents: Contents::Stubs } => path.ends_with("gcodes/sealpost"),
        Made::Folder { contents: Contents::Ours | Contents::Keys } => is_whole(path),
        Made::File { .. } => FILES.contains(&name),
        Made::Link { .. } => {
            let number = name.strip_suffix(AGENT).filter(|number| number.len() == 3);
            ["sealpost", "sealpost-printer.service"].contains(&name) || number.is_some()
        }
        Made::Block { .. } => EDITED.contains(&name),
    }
}

fn is_whole(path: &Path) -> bool {
    let parent = || path.parent().filter(|_| path.ends_with("cache"));
    let path = parent().unwrap_or(path);
    [AGENT_FOLDER, HANDOVER_FOLDER].map(Path::new).contains(&path)
        || WHOLE.iter().any(|folder| path == Path::new(folder).join(AGENT))
}

/// As services are called: no path, no option.
fn is_name(name: &str) -> bool {
    !name.starts_with(['-', '.'])
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | ':' | '\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(path: &str, made: Made) -> Record {
        let mut record = Record::empty();
        record.note(Path::new(path), made);
        record
    }

    #[test]
    fn folders_of_others_are_never_removed_whole() {
        let ours = || Made::Folder { contents: Contents::Ours };
        for path in ["/etc", "/", "/var/lib", "/home/pi/sealpost-printer", "/var/lib/sealpost-printer/../.."]
        {
            assert!(strange(&record(path, ours())).is_some(), "{path}");
        }
        for path in [
            "/var/lib/sealpost-printer",
            "/run/sealpost-handover",
            "/oem/printer_data/sealpost-printer/cache",
        ] {
            assert_eq!(strange(&record(path, ours())), None, "{path}");
        }
    }

    #[test]
    fn names_that_nothing_of_ours_has_are_strange() {
        let link = || Made::Link { targets: Vec::new() };
        let file = || Made::File { sha256: Vec::new() };
        let block = || Made::Block { texts: Vec::new(), backup: "/x".into() };
        assert!(strange(&record("/etc/passwd", file())).is_some());
        assert!(strange(&record("/etc/sudoers", block())).is_some());
        assert!(strange(&record("/sbin/init", link())).is_some());
        assert!(strange(&record("/etc/passwd", Made::User { name: "pi".to_owned() })).is_some());
        assert_eq!(strange(&record("/etc/rc2.d/S01sealpost-printer", link())), None);
    }

    #[test]
    fn services_are_names() {
        for (name, good) in
            [("klipper", true), ("klipper@1", true), ("../../tmp/x", false), ("-f", false), ("", false)]
        {
            assert_eq!(is_name(name), good, "{name}");
        }
    }
}
