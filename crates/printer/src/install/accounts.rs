//! The one system user, made and removed by the system's own programs.

use std::{path::Path, process::Command};

use sealpost_api::Problem;

use super::tree::Tree;

/// Who makes users.
pub trait Accounts {
    /// Makes a system user with a group of its name.
    fn add(&self, tree: &Tree, name: &str, home: &Path) -> Result<(), Problem>;
    /// Removes both.
    fn remove(&self, tree: &Tree, name: &str) -> Result<(), Problem>;
}

/// `useradd` and `userdel`, or BusyBox's `adduser` and `deluser`.
#[derive(Clone, Copy, Debug)]
pub struct SystemPrograms;

impl Accounts for SystemPrograms {
    fn add(&self, tree: &Tree, name: &str, home: &Path) -> Result<(), Problem> {
        let mut command = Command::new("useradd");
        prefix(&mut command, tree);
        command.args(["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]);
        command.arg("--home-dir").arg(home).arg(name);
        let mut simple = Command::new("adduser");
        simple.args(["-S", "-D", "-H", "-s", "/bin/false", "-h"]).arg(home).arg(name);
        if !tree.is_live() || there("useradd") {
            // One that was ended in the middle leaves the group, which makes the next one refuse.
            if tree.group(name).is_some_and(|_| tree.account(name).is_none()) {
                command.args(["--no-user-group", "--gid", name]);
            }
            return run(&mut command);
        }
        if tree.group(name).is_none() {
            run(Command::new("addgroup").args(["-S", name]))?;
        }
        run(simple.args(["-G", name]))
    }

    fn remove(&self, tree: &Tree, name: &str) -> Result<(), Problem> {
        let simple = tree.is_live() && !there("userdel");
        if tree.account(name).is_some() {
            let mut command = Command::new(if simple { "deluser" } else { "userdel" });
            prefix(&mut command, tree);
            run(command.arg(name))?;
        }
        if tree.group(name).is_some() {
            let mut command = Command::new(if simple { "delgroup" } else { "groupdel" });
            prefix(&mut command, tree);
            run(command.arg(name))?;
        }
        Ok(())
    }
}

fn prefix(command: &mut Command, tree: &Tree) {
    if !tree.is_live() {
        command.arg("--prefix").arg(tree.root());
    }
}

fn there(program: &str) -> bool {
    ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].iter().any(|folder| Path::new(folder).join(program).exists())
}

fn run(command: &mut Command) -> Result<(), Problem> {
    let failed = |detail: String| {
        Problem::new(500, "user_program", "The agent's user could not be made or removed")
            .detail(detail)
            .hint("Run the command as root; look whether /etc/passwd can be written.")
    };
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| failed(format!("{name}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "))))
}
