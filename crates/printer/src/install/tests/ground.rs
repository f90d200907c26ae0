//! Printers' computers as trees of files, one for each way in which Klipper and Moonraker are put in place.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, lchown, symlink},
    path::{Path, PathBuf},
};

use rustix::process::{getegid, geteuid};
use sealpost_api::Problem;

use crate::install::{
    Accounts, Installer, Ledger, Moment, Plan, Said, Services, Standing, Step, System, Tree, find, plan, undo,
};

pub(super) const PRINTER_CFG: &str = "[mcu]\nserial: /dev/ttyACM0\n\n[virtual_sdcard]\npath: ~/printer_data/gcodes\n\n#*# <---------------------- SAVE_CONFIG ---------------------->\n#*# [extruder]\n#*# pid_kp = 21.5\n";
pub(super) const MOONRAKER_CONF: &str = "[server]\nhost: 0.0.0.0\nport: 7125\n\n[authorization]\ntrusted_clients:\n    10.0.0.0/8\n    127.0.0.0/8\n\n[update_manager]\n";

/// A tree in a folder of its own.
pub(super) struct Ground {
    folder: tempfile::TempDir,
    pub(super) tree: Tree,
    pub(super) said: Said,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::new(folder.path());
        let ground = Self { folder, tree, said: Said::default() };
        let (uid, gid) = other();
        ground.file(
            "etc/passwd",
            &format!("root:x:0:0:root:/root:/bin/sh\npi:x:{uid}:{gid}::/home/pi:/bin/bash\n"),
        );
        ground.file("etc/group", &format!("root:x:0:\npi:x:{gid}:\n"));
        ground.file("usr/share/sealpost-printer/klipper/sealpost/extra.py", "");
        ground.file("usr/share/sealpost-printer/moonraker/sealpost/component.py", "");
        ground.dir("var/lib");
        ground.dir("var/cache");
        ground.dir("run");
        ground.file("opt/sealpost-printer", "the program");
        ground
    }

    /// What KIAUH and MainsailOS make.
    pub(super) fn kiauh() -> Self {
        let ground = Self::new();
        ground.klipper("home/pi");
        ground.dir("home/pi/moonraker/moonraker/components");
        ground.data("home/pi/printer_data");
        ground.give("home/pi");
        ground.systemd();
        ground
    }

    /// Moonraker by pip.
    pub(super) fn pip() -> Self {
        let ground = Self::new();
        ground.klipper("home/pi");
        ground.dir("home/pi/moonraker-env/lib/python3.11/site-packages/moonraker/components");
        ground.data("home/pi/printer_data");
        ground.give("home/pi");
        ground.systemd();
        ground
    }

    /// Kalico, and parts in a checkout that can be updated.
    pub(super) fn kalico() -> Self {
        let mut ground = Self::kiauh();
        ground.dir("home/pi/klipper/klippy/plugins");
        for part in ["klipper/sealpost/extra.py", "moonraker/sealpost/component.py"] {
            ground.file(&format!("home/pi/sealpost/{part}"), "");
        }
        ground.file("home/pi/sealpost/.git/HEAD", "ref: refs/heads/main\n");
        ground.file(
            "home/pi/sealpost/.git/config",
            "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = https://example.org/sealpost.git\n",
        );
        ground.give("home/pi");
        ground.said.parts = Some("/home/pi/sealpost".into());
        ground
    }

    /// A printer with BusyBox, whose system is made anew at each start.
    pub(super) fn u1() -> Self {
        let ground = Self::new();
        let (uid, gid) = other();
        ground.file(
            "etc/passwd",
            &format!("root:x:0:0:root:/root:/bin/sh\nlava:x:{uid}:{gid}::/home/lava:/bin/sh\n"),
        );
        ground.file("etc/group", &format!("root:x:0:\nlava:x:{gid}:\n"));
        ground.klipper("home/lava");
        ground.dir("home/lava/moonraker/moonraker/components");
        ground.data("oem/printer_data");
        symlink("/oem/printer_data", ground.at("home/lava/printer_data")).unwrap();
        ground.give("oem/printer_data");
        ground.give("home/lava");
        for script in ["rcS", "S60klipper", "S61moonraker"] {
            ground.file(&format!("etc/init.d/{script}"), "#!/bin/sh\n");
        }
        ground
    }

    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(super) fn file(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap()
    }

    fn dir(&self, path: &str) {
        fs::create_dir_all(self.at(path)).unwrap();
    }

    fn klipper(&self, home: &str) {
        self.file(&format!("{home}/klipper/klippy/klippy.py"), "");
        self.file(&format!("{home}/klipper/klippy/extras/virtual_sdcard.py"), "");
    }

    pub(super) fn data(&self, data: &str) {
        self.dir(&format!("{data}/gcodes"));
        self.file(&format!("{data}/config/printer.cfg"), PRINTER_CFG);
        self.file(&format!("{data}/config/moonraker.conf"), MOONRAKER_CONF);
        // Without an end of its last line, as people leave them.
        self.file(&format!("{data}/moonraker.asvc"), "klipper_mcu\nKlipperScreen");
    }

    /// As it is on a printer: everything below the home folder is that user's.
    pub(super) fn give(&self, folder: &str) {
        let (uid, gid) = other();
        let path = self.at(folder);
        for entry in fs::read_dir(&path).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                self.give(&format!("{folder}/{}", entry.file_name().to_str().unwrap()));
            } else {
                lchown(entry.path(), Some(uid), Some(gid)).unwrap();
            }
        }
        lchown(path, Some(uid), Some(gid)).unwrap();
    }

    fn systemd(&self) {
        self.file("usr/lib/systemd/systemd", "");
        self.dir("etc/systemd/system/multi-user.target.wants");
    }

    pub(super) fn system(&self) -> System {
        find(&self.tree, &self.said, Path::new("/opt/sealpost-printer")).unwrap()
    }

    pub(super) fn plan(&self) -> Plan {
        plan(&self.system()).unwrap()
    }

    pub(super) fn installer(&self) -> Installer<'_> {
        let system = self.system();
        let services = Services::of(&system);
        Installer {
            services,
            tree: &self.tree,
            accounts: &InFiles,
            owner: other().0,
            config: system.printer_cfg.path.parent().unwrap().to_owned(),
            date: "2026-11-21T120000Z".to_owned(),
        }
    }

    /// Installs, and is told of each moment.
    pub(super) fn install_with(
        &self,
        watch: &mut dyn FnMut(Moment<'_>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let steps = self.steps()?;
        let ledger = Ledger::open(&self.tree, self.system().kept.is_some())?;
        self.installer().apply(&steps, &ledger, watch)
    }

    pub(super) fn install(&self) {
        self.install_with(&mut |_| Ok(())).unwrap();
    }

    pub(super) fn standings(&self) -> Vec<Standing> {
        let record = Ledger::open(&self.tree, self.system().kept.is_some()).unwrap().record().unwrap();
        self.installer().standings(&self.steps().unwrap(), &record).unwrap()
    }

    /// Uninstalls; gives what was left.
    pub(super) fn uninstall(&self, keep_keys: bool) -> Vec<String> {
        self.undo(keep_keys).unwrap()
    }

    /// Tries to.
    pub(super) fn undo(&self, keep_keys: bool) -> Result<Vec<String>, Problem> {
        let Some(ledger) = Ledger::find(&self.tree)? else { return Ok(Vec::new()) };
        Ok(undo(&self.tree, &InFiles, ledger, keep_keys, &mut |_| Ok(()))?.left)
    }

    /// The plan's steps, with the program where this process can read it.
    fn steps(&self) -> Result<Vec<Step>, Problem> {
        let mut steps = plan(&find(&self.tree, &self.said, Path::new("/opt/sealpost-printer"))?)?.steps;
        for step in &mut steps {
            if let Step::Program { from, .. } = step {
                *from = self.at("opt/sealpost-printer");
            }
        }
        Ok(steps)
    }

    /// Every path with its kind, rights, and content or target.
    pub(super) fn picture(&self) -> BTreeMap<PathBuf, String> {
        let mut picture = BTreeMap::new();
        look(self.folder.path(), self.folder.path(), &mut picture);
        picture
    }
}

fn look(root: &Path, folder: &Path, picture: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let numbers = super::super::files::Numbers::of(&metadata);
        let what = if metadata.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else if metadata.is_dir() {
            look(root, &path, picture);
            format!("{numbers:?}")
        } else {
            format!("{numbers:?} {}", fs::read_to_string(&path).unwrap())
        };
        picture.insert(path.strip_prefix(root).unwrap().to_owned(), what);
    }
    let _ = fs::metadata(folder).unwrap().permissions().mode();
}

/// A user other than this process's, where it may give files away.
pub(super) fn other() -> (u32, u32) {
    if geteuid().is_root() { (1000, 1000) } else { (geteuid().as_raw(), getegid().as_raw()) }
}

/// Users in the tree's own files.
struct InFiles;

impl Accounts for InFiles {
    fn add(&self, tree: &Tree, name: &str, home: &Path) -> Result<(), Problem> {
        let (uid, gid) = if geteuid().is_root() { (998, 998) } else { other() };
        append(tree, "/etc/group", &format!("{name}:x:{gid}:\n"));
        append(tree, "/etc/passwd", &format!("{name}:x:{uid}:{gid}::{}:/usr/sbin/nologin\n", home.display()));
        Ok(())
    }

    fn remove(&self, tree: &Tree, name: &str) -> Result<(), Problem> {
        for path in ["/etc/passwd", "/etc/group"] {
            let path = tree.at(Path::new(path));
            let text = fs::read_to_string(&path).unwrap();
            let kept: String = text
                .lines()
                .filter(|line| !line.starts_with(&format!("{name}:")))
                .map(|line| format!("{line}\n"))
                .collect();
            fs::write(path, kept).unwrap();
        }
        Ok(())
    }
}

fn append(tree: &Tree, path: &str, line: &str) {
    let path = tree.at(Path::new(path));
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, format!("{text}{line}")).unwrap();
}
