//! What is written: the files of `packaging/`, and the lines that depend on what was found.

use std::path::Path;

use super::{
    plan::{AGENT, AGENT_FOLDER, HANDOVER_FOLDER},
    system::Checkout,
};

/// The agent's settings, all of them comments.
pub(super) const SETTINGS: &str = include_str!("../../../../packaging/printer.toml");
/// The start script for systems without systemd.
pub(super) const INIT: &str = include_str!("../../../../packaging/sealpost-printer.init");
/// The line of moonraker.asvc.
pub(super) const ASVC: &str = "sealpost-printer\n";
/// Moonraker's side.
pub(super) const MOONRAKER: &str = "\
# Sealpost: shows and pairs the printer agent. Written by `sealpost-printer install`.
[sealpost]
";
const UNIT: &str = include_str!("../../../../packaging/sealpost-printer.service");
const PACKAGED: &str = "/usr/bin/sealpost-printer";

/// Klipper's side.
pub(super) fn klipper() -> String {
    format!(
        "\
# Sealpost: prints purchased files from memory. Written by `sealpost-printer install`.
[sealpost]
agent_user: {AGENT}
socket: {HANDOVER_FOLDER}/sealpost.sock
"
    )
}

/// The line that reads a file along.
pub(super) fn include(name: &str) -> String {
    format!("# Sealpost; `sealpost-printer uninstall` takes it out\n[include {name}]\n")
}

/// Updates of the parts by Moonraker. The program is not among them: who could replace it could read its keys.
pub(super) fn update_manager(folder: &Path, checkout: &Checkout, services: &[&str]) -> String {
    format!(
        "
[update_manager sealpost]
type: git_repo
path: {}
origin: {}
primary_branch: {}
is_system_service: False
managed_services: {}
",
        folder.display(),
        checkout.origin,
        checkout.branch,
        services.join(" ")
    )
}

/// The unit for a program at `program`.
pub(super) fn unit(program: &Path) -> String {
    UNIT.replace(PACKAGED, &program.display().to_string())
}

/// The two folders of sockets, made at every start.
pub(super) fn tmpfiles(owner: &str, group: &str) -> String {
    format!(
        "\
# Who listens owns the folder, who may call is its group. Written by `sealpost-printer install`.
d {AGENT_FOLDER} 2750 {AGENT} {group} -
d {HANDOVER_FOLDER} 2750 {owner} {AGENT} -
"
    )
}

/// What the start script reads.
pub(super) fn defaults(program: &Path, owner: &str, group: &str) -> String {
    format!(
        "\
# Written by `sealpost-printer install`.
PROGRAM={}
OWNER={owner}
OWNER_GROUP={group}
",
        program.display()
    )
}
