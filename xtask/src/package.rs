//! `cargo xtask package [--debug]`: Debian packages of the agent and of the store, in `packages` of the target folder.
//!
//! Why by `dpkg-deb` and not by a tool of cargo's: docs/adr/0014.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::{check, root, say, target_folder};
use crate::suites::build_programs;
use crate::{provision, web};

const MAINTAINER: &str = "Sealpost <packages@sealpost.example>";

/// A package: what lies where in it, beside the program and what every package has.
struct Package {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// Folders of the checkout, without what Python leaves there.
    folders: &'static [(&'static str, &'static str)],
}

const PACKAGES: [Package; 2] = [
    Package {
        name: "sealpost-printer",
        files: &[
            ("packaging/sealpost-printer.service", "usr/lib/systemd/system/sealpost-printer.service"),
            ("packaging/printer.toml", "etc/sealpost/printer.toml"),
            ("docs/printer-guide.md", "usr/share/doc/sealpost-printer/printer-guide.md"),
        ],
        folders: &[
            ("klipper", "usr/share/sealpost-printer/klipper"),
            ("moonraker", "usr/share/sealpost-printer/moonraker"),
        ],
    },
    Package {
        name: "sealpost",
        files: &[
            ("packaging/sealpost.service", "usr/lib/systemd/system/sealpost.service"),
            ("packaging/store.toml", "etc/sealpost/store.toml"),
            ("docs/operator-guide.md", "usr/share/doc/sealpost/operator-guide.md"),
        ],
        folders: &[],
    },
];

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let debug = match arguments {
        [] => false,
        [option] if option == "--debug" => true,
        _ => bail!("`cargo xtask package` takes `--debug` and nothing else"),
    };
    provision::packaging()?;
    if !debug {
        web::build()?;
    }
    for package in build(debug)? {
        say(&package.display().to_string());
    }
    Ok(())
}

/// Builds both; gives the files in the order of the packages' names: agent, store.
pub(crate) fn build(debug: bool) -> Result<Vec<PathBuf>> {
    build_programs(if debug { &[] } else { &["--release"] })?;
    PACKAGES.iter().map(|package| package.build(if debug { "debug" } else { "release" })).collect()
}

impl Package {
    fn build(&self, profile: &str) -> Result<PathBuf> {
        let packages = target_folder().join("packages");
        let stage = packages.join("stage").join(self.name);
        if stage.exists() {
            fs::remove_dir_all(&stage)?;
        }
        let program = stage.join("usr/bin").join(self.name);
        put(&target_folder().join(profile).join(self.name), &program, 0o755)?;
        check(
            Command::new("strip").args(["--remove-section=.comment", "--remove-section=.note"]).arg(&program),
        )?;
        for (from, to) in self.files {
            put(&root().join(from), &stage.join(to), 0o644)?;
        }
        for (from, to) in self.folders {
            put_folder(&root().join(from), &stage.join(to))?;
        }
        self.documents(&stage)?;
        self.control(&stage, &program)?;
        let version = env!("CARGO_PKG_VERSION");
        let file = packages.join(format!("{}_{version}_{}.deb", self.name, architecture()?));
        // What only tests see is not worth the time.
        let packed: &[&str] = if profile == "debug" { &["-Zgzip", "-z1"] } else { &["-Zxz"] };
        let mut pack = Command::new("dpkg-deb");
        pack.arg("--root-owner-group").args(packed);
        check(pack.arg("--build").arg(&stage).arg(&file))?;
        Ok(file)
    }

    fn documents(&self, stage: &Path) -> Result<()> {
        let folder = stage.join("usr/share/doc").join(self.name);
        let mit = fs::read_to_string(root().join("LICENSE-MIT"))?;
        let mit: Vec<String> = mit
            .lines()
            .map(|line| if line.is_empty() { " .".to_owned() } else { format!(" {line}") })
            .collect();
        let copyright = fs::read_to_string(root().join("packaging/debian/copyright"))?;
        write(&folder.join("copyright"), &copyright.replace("@MIT@", &mit.join("\n")), 0o644)?;
        let date = Command::new("date").arg("--rfc-email").output()?;
        let changelog = format!(
            "{} ({}) unstable; urgency=medium\n\n  * See NEWS.gz.\n\n -- {MAINTAINER}  {}\n",
            self.name,
            env!("CARGO_PKG_VERSION"),
            String::from_utf8(date.stdout)?.trim()
        );
        write(&folder.join("changelog"), &changelog, 0o644)?;
        put(&root().join("CHANGELOG.md"), &folder.join("NEWS"), 0o644)?;
        check(Command::new("gzip").args(["--best", "--no-name", "changelog", "NEWS"]).current_dir(folder))
    }

    fn control(&self, stage: &Path, program: &Path) -> Result<()> {
        let from = root().join("packaging/debian").join(self.name);
        let folder = stage.join("DEBIAN");
        let size = kib(stage)?;
        let control = fs::read_to_string(from.join("control"))?
            .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
            .replace("@ARCH@", &architecture()?)
            .replace("@MAINTAINER@", MAINTAINER)
            .replace("@SIZE@", &size.to_string())
            .replace("@SHLIBS@", &libraries(program)?);
        write(&folder.join("control"), &control, 0o644)?;
        put(&from.join("conffiles"), &folder.join("conffiles"), 0o644)?;
        for script in ["postinst", "prerm", "postrm"] {
            put(&from.join(script), &folder.join(script), 0o755)?;
        }
        let sums = "find usr -type f -print0 | sort -z | xargs -0 md5sum";
        let output = Command::new("sh").args(["-c", sums]).current_dir(stage).output()?;
        write(&folder.join("md5sums"), &String::from_utf8(output.stdout)?, 0o644)
    }
}

/// The packages of the libraries that a program is linked with.
fn libraries(program: &Path) -> Result<String> {
    // It wants to run in a source package.
    let folder = target_folder().join("packages/shlibs");
    fs::create_dir_all(folder.join("debian"))?;
    fs::write(folder.join("debian/control"), "Source: sealpost\n\nPackage: sealpost\nArchitecture: any\n")?;
    let mut command = Command::new("dpkg-shlibdeps");
    let output = command.args(["-O", "--ignore-missing-info"]).arg(program).current_dir(&folder).output()?;
    let text = String::from_utf8(output.stdout)?;
    let depends = text.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
    depends.map(str::to_owned).with_context(|| {
        format!("dpkg-shlibdeps told nothing: {}", String::from_utf8_lossy(&output.stderr).trim())
    })
}

fn architecture() -> Result<String> {
    let output = Command::new("dpkg").arg("--print-architecture").output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn put_folder(from: &Path, to: &Path) -> Result<()> {
    let mut entries = fs::read_dir(from)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        // The licence is among Debian's own.
        if name == "__pycache__" || name == "LICENSE" {
            continue;
        }
        if path.is_dir() {
            put_folder(&path, &to.join(name))?;
        } else {
            put(&path, &to.join(name), 0o644)?;
        }
    }
    Ok(())
}

fn put(from: &Path, to: &Path, mode: u32) -> Result<()> {
    folder_of(to)?;
    fs::copy(from, to).with_context(|| format!("{} is missing", from.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    Ok(())
}

fn write(to: &Path, text: &str, mode: u32) -> Result<()> {
    folder_of(to)?;
    fs::write(to, text)?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    Ok(())
}

/// Whatever the umask is: folders in a package are for all to read.
fn folder_of(path: &Path) -> Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.exists()) else { return Ok(()) };
    folder_of(folder)?;
    fs::create_dir(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn kib(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        sum +=
            if entry.path().is_dir() { kib(&entry.path())? } else { entry.metadata()?.len().div_ceil(1024) };
    }
    Ok(sum)
}
