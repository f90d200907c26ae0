//! A tree with a small Debian, a user, and what KIAUH puts into the home folder.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use sealpost_tests::programs::{built, python, root};
use tempfile::TempDir;

/// What runs a program below the tree: it has its own mounts, which nobody else sees and which end with it.
const BELOW: &str =
    "mount -t proc proc \"$0/proc\" && exec chroot --userspec=\"$1\" --groups= \"$0\" \"${@:2}\"";

/// Where programs are looked for below the tree.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A Debian below a folder.
pub(crate) struct Debian {
    folder: TempDir,
}

impl Debian {
    /// Unpacks one.
    pub(crate) fn unpack() -> Result<Self> {
        let archive =
            std::env::var_os("SEALPOST_TEST_DEBIAN").context("run this by `cargo xtask test install`")?;
        let folder = tempfile::Builder::new().prefix("sealpost-debian-").tempdir()?;
        let mut tar = Command::new("tar");
        run(tar.args(["--numeric-owner", "-xpf"]).arg(archive).arg("-C").arg(folder.path()))?;
        Ok(Self { folder })
    }

    /// One with Klipper's stand-in and Moonraker in the home of `pi`; Moonraker listens on `port`.
    pub(crate) fn with_printer(port: u16) -> Result<Self> {
        let debian = Self::unpack()?;
        debian
            .success(&mut debian.below("0:0", &["useradd", "--create-home", "--shell", "/bin/bash", "pi"]))?;
        let home = debian.at("home/pi");
        for folder in ["config", "gcodes", "logs", "comms", "database", "systemd"] {
            fs::create_dir_all(home.join("printer_data").join(folder))?;
        }
        debian.klipper(&home.join("klipper/klippy"))?;
        debian.moonraker(&home.join("moonraker-env"))?;
        let config = home.join("printer_data/config");
        let cfg = fs::read_to_string(root().join("tests/klipper_host/printer.cfg.in"))?;
        let cfg = cfg.replace("@GCODES@", "/home/pi/printer_data/gcodes").replace("[sealpost]", "");
        let saved = "#*# <---------------------- SAVE_CONFIG ---------------------->\n#*# DO NOT EDIT\n";
        fs::write(config.join("printer.cfg"), format!("{cfg}\n{saved}"))?;
        let conf = format!(
            "[server]\nhost: 127.0.0.1\nport: {port}\n\
             klippy_uds_address: /home/pi/printer_data/comms/klippy.sock\n\n[machine]\nprovider: none\nvalidate_service: False\n\
             validate_config: False\n\n[authorization]\ntrusted_clients:\n    127.0.0.1\n\n\
             [file_manager]\nenable_object_processing: False\n\n[history]\n"
        );
        fs::write(config.join("moonraker.conf"), conf)?;
        fs::write(home.join("printer_data/moonraker.asvc"), "klipper_mcu\nKlipperScreen")?;
        let owned = debian.below("0:0", &["chown", "-R", "pi:pi", "/home/pi"]);
        debian.success(&mut { owned })?;
        Ok(debian)
    }

    fn klipper(&self, klippy: &Path) -> Result<()> {
        fs::create_dir_all(klippy.join("extras"))?;
        fs::write(klippy.join("extras/virtual_sdcard.py"), "")?;
        fs::write(klippy.join("klippy.py"), "from klipper_host.__main__ import main\n\nmain()\n")?;
        copy(&root().join("tests/klipper_host"), &klippy.join("klipper_host"))
    }

    /// By pip: the packages of the tests' own environment, without the component that other tests link into it.
    fn moonraker(&self, env: &Path) -> Result<()> {
        let packages = "lib/python3.11/site-packages";
        let own = python()?.parent().and_then(Path::parent).context("no environment")?.join(packages);
        copy(&own, &env.join(packages))
    }

    /// Puts the parts beside the programs, as an unpacked archive of a release has them.
    pub(crate) fn put_parts(&self) -> Result<()> {
        for part in ["klipper", "moonraker"] {
            copy(&root().join(part), &self.at("usr/local/share/sealpost-printer").join(part))?;
        }
        Ok(())
    }

    /// A path of the tree.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// A program below the tree, as `user:group`.
    pub(crate) fn below(&self, user: &str, words: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "bash", "-c", BELOW]).arg(self.folder.path()).arg(user).args(words);
        command.env_clear().env("PATH", PATH);
        command.env("LANG", "C.UTF-8").env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    /// The installer from outside the tree.
    pub(crate) fn installer(&self, words: &[&str]) -> Result<Command> {
        let mut command = Command::new(built("sealpost-printer")?);
        command.args(words).arg("--root").arg(self.folder.path());
        Ok(command)
    }

    /// Runs to the end, which must be a good one; gives what it said.
    pub(crate) fn success(&self, command: &mut Command) -> Result<String> {
        run(command)
    }
}

/// Runs to the end, which must be a good one; gives what it said.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } = command.output()?;
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    if !status.success() {
        bail!("{command:?} ended with {status}:\n{said}");
    }
    Ok(said)
}

/// Copies a folder without links and without what Python keeps.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name());
        if kind.is_symlink() || name == "__pycache__" {
            continue;
        }
        if kind.is_dir() {
            copy(&entry.path(), &to.join(name))?;
        } else {
            fs::copy(entry.path(), to.join(&name))?;
            chown(to.join(&name), Some(0), Some(0))?;
        }
    }
    Ok(())
}
