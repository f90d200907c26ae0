//! Whether a file that its owner holds would be printed here, and what to approve where it would not.

use std::{collections::BTreeSet, io::Read, path::Path, time::Duration};

use sealpost_api::Problem;
use sealpost_gcode::{Approvals, Limits, Refusal, Report, Scanner};

use crate::{
    moonraker::{Address, Moonraker},
    settings::Settings,
    store,
};

/// How much is read at once.
const PIECE: usize = 64 << 10;

/// What was found in a file.
#[derive(Debug)]
pub struct FileCheck {
    /// Judged as a purchased file.
    pub report: Report,
    /// Commands beyond the common ones that the owner can approve.
    pub to_approve: BTreeSet<String>,
}

/// Judges a plain G-code file by what the printer tells of itself and what its owner approved.
pub async fn check_file(settings: &Settings, path: &Path) -> Result<FileCheck, Problem> {
    let limits = settings.macros.within(limits(settings).await?);
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || read(&path, limits)).await;
    read.unwrap_or_else(|_| Err(Problem::new(500, "file_unreadable", "The file could not be looked at")))
}

impl FileCheck {
    /// What to write into the settings to approve what the file uses; empty where that is not what it takes.
    pub fn approval(&self) -> String {
        let helps = matches!(
            self.report.refusal,
            Some(Refusal::UnknownCommand { .. } | Refusal::NotApproved { .. } | Refusal::BadParameter { .. })
        );
        let mut text = String::new();
        for command in self.to_approve.iter().filter(|_| helps) {
            text.push_str(&format!("{command} = {{ }}\n"));
        }
        if text.is_empty() { text } else { format!("[macros]\n{text}") }
    }
}

async fn limits(settings: &Settings) -> Result<Limits, Problem> {
    let address = Address {
        url: settings.moonraker_url.clone(),
        socket: settings.moonraker_socket.clone(),
        api_key_file: settings.moonraker_api_key_file.clone(),
    };
    let moonraker = Moonraker::connect(address, store::client()?, |_| {});
    // The connection is made in the background.
    for _ in 0..20 {
        if moonraker.look().await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    moonraker.limits().await
}

fn read(path: &Path, limits: Limits) -> Result<FileCheck, Problem> {
    let problem = |error: std::io::Error| {
        Problem::new(400, "file_unreadable", "The file cannot be read")
            .detail(format!("{}: {error}", path.display()))
            .hint("Check the path, and that this user may read the file.")
    };
    let mut file = std::fs::File::open(path).map_err(problem)?;
    // One stops at the first refusal, the other names all that the file uses.
    let (mut judged, mut named) = (Scanner::new(Some(limits)), Scanner::new(None));
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece).map_err(problem)?;
        if length == 0 {
            break;
        }
        judged.update(&piece[..length]);
        named.update(&piece[..length]);
    }
    let mut to_approve = named.finish().other_commands;
    to_approve.retain(|command| Approvals::default().approve(command, []).is_ok());
    Ok(FileCheck { report: judged.finish(), to_approve })
}

#[cfg(test)]
mod tests {
    use sealpost_gcode::Features;

    use super::*;

    #[test]
    fn what_a_file_needs_approved_is_told_as_settings() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part.gcode");
        std::fs::write(&path, "G28\nMY_START A=1\nM104 S200\nSAVE_CONFIG\nMY_END\nG1 X1\n").unwrap();
        let features = Features { commands: ["MY_START".to_owned()].into(), ..Features::default() };
        let limits = Limits { features: Some(features), ..Limits::default() };

        let check = read(&path, limits).unwrap();
        assert_eq!(check.report.refusal.as_ref().map(Refusal::code), Some("gcode_not_approved"));
        assert_eq!(check.approval(), "[macros]\nMY_END = { }\nMY_START = { }\n");

        assert_eq!(read(&folder.path().join("none"), Limits::default()).unwrap_err().code, "file_unreadable");
    }
}
