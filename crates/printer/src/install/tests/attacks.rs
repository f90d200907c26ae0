//! Klipper's user owns its home and may put anything there at any moment: nothing of root's is read, written or given away for that.
//!
//! Where these tests do not run as root nobody can be attacked, and they look at nothing.

use std::{
    fs,
    os::unix::fs::{MetadataExt, lchown, symlink},
    path::Path,
};

use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    process::geteuid,
};
use sealpost_api::Problem;

use crate::install::{Contents, Ledger, Made, Moment, Record, Services, Step};

use super::ground::{Ground, other};

const CONFIG: &str = "home/pi/printer_data/config";
const STUBS: &str = "home/pi/printer_data/gcodes/sealpost";
const OF_ROOT: [&str; 2] = ["etc/tmpfiles.d", "etc/sudoers.d"];

fn ground() -> Option<Ground> {
    let ground = Ground::kiauh();
    for folder in OF_ROOT {
        ground.file(&format!("{folder}/README"), "root's");
    }
    geteuid().is_root().then_some(ground)
}

/// As the printer's user does it. The link is a relative one, so that the kernel follows it inside the tree too.
fn swap(ground: &Ground, path: &str, target: &str) {
    let up = "../".repeat(Path::new(path).components().count() - 1);
    let path = ground.at(path);
    if path.symlink_metadata().is_ok() {
        fs::rename(&path, path.with_extension("away")).unwrap();
    }
    symlink(format!("{up}{}", target.trim_start_matches('/')), &path).unwrap();
    assert!(path.exists(), "the link leads nowhere");
    lchown(&path, Some(other().0), Some(other().1)).unwrap();
}

fn of_root(ground: &Ground) -> Vec<(String, String)> {
    let picture = ground.picture();
    let folders = OF_ROOT.map(Path::new);
    let ours = picture.iter().filter(|(path, _)| folders.iter().any(|folder| path.starts_with(folder)));
    // The installation itself has one file there.
    let ours = ours.filter(|(path, _)| !path.ends_with("tmpfiles.d/sealpost-printer.conf"));
    ours.map(|(path, what)| (path.display().to_string(), what.clone())).collect()
}

#[test]
fn a_folder_swapped_for_a_link_leads_to_nothing_of_roots_at_any_moment() {
    for (path, target) in [
        (CONFIG, "/etc/tmpfiles.d"),
        (STUBS, "/etc/sudoers.d"),
        ("home/pi/klipper/klippy/extras", "/etc/sudoers.d"),
    ] {
        for when in 0.. {
            let Some(ground) = ground() else { return };
            let before = of_root(&ground);
            let mut moments = 0;
            let ended = ground.install_with(&mut |moment| {
                let (Moment::Noted(step) | Moment::Written(step) | Moment::Done(step)) = moment;
                if Path::new("/").join(path).starts_with(step.path())
                    || step.path().starts_with(Path::new("/").join(path))
                {
                    if moments == when {
                        swap(&ground, path, target);
                    }
                    moments += 1;
                }
                Ok(())
            });
            assert_eq!(of_root(&ground), before, "{path} at {when}");
            if moments <= when {
                ended.unwrap();
                assert!(when > 1, "{path}");
                break;
            }
        }
    }
}

#[test]
fn undoing_follows_no_link_that_came_meanwhile() {
    for (path, target) in
        [(CONFIG, "/etc/tmpfiles.d"), (STUBS, "/etc/sudoers.d"), ("home/pi/printer_data/gcodes", "/etc")]
    {
        let Some(ground) = ground() else { return };
        ground.file("etc/sealpost/.thumbs/root.png", "root's");
        ground.install();
        ground.file("etc/tmpfiles.d/sealpost.cfg", &ground.text(&format!("{CONFIG}/sealpost.cfg")));
        let before = of_root(&ground);
        swap(&ground, path, target);
        let _ = ground.undo(false);
        assert_eq!(of_root(&ground), before, "{path}");
        assert_eq!(ground.text("etc/sealpost/.thumbs/root.png"), "root's");
    }
}

#[test]
fn a_swapped_stub_folder_is_left_and_the_rest_is_undone() {
    let Some(ground) = ground() else { return };
    ground.install();
    swap(&ground, STUBS, "/etc/sudoers.d");
    let left = ground.uninstall(false);
    assert!(left.iter().any(|line| line.contains("gcodes/sealpost: it is no folder any more")), "{left:?}");
    assert_eq!(ground.uninstall(false), [""; 0], "a second run ends too");
}

#[test]
fn configurations_that_are_links_to_roots_files_are_not_edited() {
    for name in ["config/printer.cfg", "config/moonraker.conf", "moonraker.asvc"] {
        let Some(ground) = ground() else { return };
        let path = format!("home/pi/printer_data/{name}");
        ground.file("etc/sudoers.d/x", &ground.text(&path));
        let before = of_root(&ground);
        swap(&ground, &path, "/etc/sudoers.d/x");
        assert_eq!(ground.install_with(&mut |_| Ok(())).unwrap_err().code, "led_elsewhere", "{name}");
        assert_eq!(of_root(&ground), before, "{name}");
    }
}

#[test]
fn a_configuration_that_links_to_another_file_of_its_owners_is_edited_there() {
    let Some(ground) = ground() else { return };
    let text = ground.text(&format!("{CONFIG}/printer.cfg"));
    ground.file("home/pi/backup/printer.cfg", &text);
    for path in ["home/pi/backup", "home/pi/backup/printer.cfg"] {
        lchown(ground.at(path), Some(other().0), Some(other().1)).unwrap();
    }
    swap(&ground, &format!("{CONFIG}/printer.cfg"), "/home/pi/backup/printer.cfg");
    ground.install();
    assert!(ground.text("home/pi/backup/printer.cfg").contains("[include sealpost.cfg]"));
    assert!(ground.at(&format!("{CONFIG}/printer.cfg")).is_symlink());
    assert_eq!(ground.uninstall(false), [""; 0]);
    assert_eq!(ground.text("home/pi/backup/printer.cfg"), text);
}

#[test]
fn a_pipe_or_a_device_in_place_of_a_configuration_keeps_nobody_waiting() {
    for (kind, device) in [(FileType::Fifo, 0), (FileType::CharacterDevice, rustix::fs::makedev(1, 5))] {
        let Some(ground) = ground() else { return };
        let path = ground.at(&format!("{CONFIG}/printer.cfg"));
        fs::remove_file(&path).unwrap();
        mknodat(CWD, &path, kind, Mode::from_raw_mode(0o666), device).unwrap();
        let problem = ground.install_with(&mut |_| Ok(())).unwrap_err();
        assert!(problem.detail.contains("no regular file"), "{problem}");
    }
}

/// A record as the printer's user would like it, in a folder that it owns.
fn record(ground: &Ground, folder: &str, record: &Record) {
    ground.file(&format!("{folder}/record.json"), &serde_json::to_string(record).unwrap());
}

#[test]
fn a_record_that_the_printers_user_wrote_is_not_obeyed() {
    if !geteuid().is_root() {
        return;
    }
    let ground = Ground::u1();
    let folder = "oem/printer_data/sealpost-install";
    let mut wanted = Record::empty();
    wanted.note(Path::new("/var/lib/sealpost-printer"), Made::Folder { contents: Contents::Ours });
    ground.file("var/lib/sealpost-printer/identity.key", "00");
    record(&ground, folder, &wanted);
    for path in [folder.to_owned(), format!("{folder}/record.json")] {
        lchown(ground.at(&path), Some(other().0), Some(other().1)).unwrap();
    }
    let refused =
        |result: Result<Vec<String>, Problem>| assert_eq!(result.unwrap_err().code, "record_foreign");
    refused(ground.undo(false));
    // The folder of root's with a file of somebody else's in it.
    lchown(ground.at(folder), Some(0), Some(0)).unwrap();
    fs::set_permissions(ground.at(folder), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    refused(ground.undo(false));
    assert_eq!(ground.text("var/lib/sealpost-printer/identity.key"), "00");
}

#[test]
fn a_record_of_what_no_installation_makes_is_not_obeyed() {
    let ground = Ground::kiauh();
    Ledger::open(&ground.tree, false).unwrap();
    let mut strange = Record::empty();
    strange.note(Path::new("/etc"), Made::Folder { contents: Contents::Ours });
    record(&ground, "var/lib/sealpost-install", &strange);
    assert_eq!(ground.undo(false).unwrap_err().code, "record_damaged");
    assert!(ground.at("etc/passwd").exists());

    let mut strange = Record::empty();
    let mut services = serde_json::to_value(Services::of(&ground.system())).unwrap();
    services["klipper"] = "../../tmp/x".into();
    strange.services = serde_json::from_value(services).unwrap();
    record(&ground, "var/lib/sealpost-install", &strange);
    assert_eq!(ground.undo(false).unwrap_err().code, "record_damaged");
}

#[test]
fn a_folder_is_made_for_its_user_and_never_given_away_by_name() {
    let Some(ground) = ground() else { return };
    ground
        .install_with(&mut |moment| {
            if let Moment::Noted(Step::Folder { contents: Contents::Stubs, .. }) = moment {
                swap(&ground, STUBS, "/etc/sudoers.d");
            }
            Ok(())
        })
        .unwrap_err();
    assert_eq!(fs::metadata(ground.at("etc/sudoers.d")).unwrap().uid(), 0);
}
