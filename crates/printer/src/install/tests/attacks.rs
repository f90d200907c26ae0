//! Klipper's user owns its home and may put anything there at any moment: nothing of root's is read, written or given away for that.
//!
//! Only root can be attacked like that: elsewhere these tests fail, unless `SEALPOST_TEST_WITHOUT_ROOT=1` says that it is known.

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
    is_attacked().then_some(ground)
}

fn is_attacked() -> bool {
    let is_known = std::env::var_os("SEALPOST_TEST_WITHOUT_ROOT").is_some_and(|value| value == "1");
    assert!(geteuid().is_root() || is_known, "run this as root, or say SEALPOST_TEST_WITHOUT_ROOT=1");
    geteuid().is_root()
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
    if !is_attacked() {
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

const OF_AGENT: &str = "var/lib/sealpost-printer/identity.key";

/// Everything of the agent's, and that no copy of it lies anywhere.
fn is_untouched(ground: &Ground, case: &str) {
    assert_eq!(ground.text(OF_AGENT), "5ec2e7\n", "{case}");
    let copies = ground.picture().into_iter().filter(|(_, what)| what.contains("5ec2e7"));
    assert_eq!(copies.count(), 1, "{case}: a copy of it");
    let names = fs::read_dir(ground.at("var/lib/sealpost-printer")).unwrap().count();
    assert_eq!(names, 1, "{case}: something was put beside it");
}

/// The agent's key, in the agent's folder.
fn with_key() -> Option<Ground> {
    let ground = ground()?;
    ground.file(OF_AGENT, "5ec2e7\n");
    for path in [OF_AGENT, "var/lib/sealpost-printer"] {
        let mode = if path == OF_AGENT { 0o600 } else { 0o700 };
        fs::set_permissions(ground.at(path), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        lchown(ground.at(path), Some(998), Some(998)).unwrap();
    }
    for (file, line) in
        [("group", "sealpost-printer:x:998:\n"), ("passwd", "sealpost-printer:x:998:998::/:/bin/false\n")]
    {
        let path = format!("etc/{file}");
        ground.file(&path, &format!("{}{line}", ground.text(&path)));
    }
    Some(ground)
}

#[test]
fn nothing_of_the_agents_is_read_or_changed_by_a_link_at_any_moment() {
    let data = "home/pi/printer_data";
    for (name, target) in [
        ("moonraker.asvc", OF_AGENT),
        ("config/printer.cfg", OF_AGENT),
        ("config/moonraker.conf", OF_AGENT),
        ("gcodes", "var/lib/sealpost-printer"),
    ] {
        let path = format!("{data}/{name}");
        for when in 0..4 {
            let Some(ground) = with_key() else { return };
            if when == 3 {
                swap(&ground, &path, target);
            }
            let mut moments = 0;
            let ended = ground.install_with(&mut |moment| {
                if let Moment::Noted(step) = moment
                    && step.path().starts_with(Path::new("/").join(&path))
                {
                    if when == 0 {
                        swap(&ground, &path, target);
                    }
                    moments += 1;
                }
                let (Moment::Noted(step) | Moment::Written(step) | Moment::Done(step)) = moment;
                // Before it is looked at once more to be noted, and after it was written beside.
                let is_before = when == 1 && step.path().ends_with("extras/sealpost");
                let is_written = when == 2
                    && matches!(moment, Moment::Written(step) if step.path() == Path::new("/").join(&path));
                if (is_before || is_written) && !ground.at(&path).is_symlink() {
                    swap(&ground, &path, target);
                }
                Ok(())
            });
            is_untouched(&ground, &format!("{name} at {when}"));
            if when == 0 || when == 3 {
                assert_eq!(ended.unwrap_err().code, "led_elsewhere", "{name} at {when}");
            }
            let _ = ground.undo(true);
            is_untouched(&ground, &format!("undoing {name} at {when}"));
        }
    }
}

#[test]
fn a_file_of_somebody_elses_is_judged_whenever_it_is_read() {
    for (uid, mode) in [(998, 0o644), (other().0, 0o4755)] {
        for when in ["first", "noted"] {
            let Some(ground) = ground() else { return };
            let path = ground.at(&format!("{CONFIG}/printer.cfg"));
            let give = || {
                lchown(&path, Some(uid), Some(uid)).unwrap();
                fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
            };
            let before = fs::read_to_string(&path).unwrap();
            if when == "first" {
                give();
            }
            let ended = ground.install_with(&mut |moment| {
                if matches!(moment, Moment::Noted(step) if step.path().ends_with("printer.cfg")) {
                    give();
                }
                Ok(())
            });
            assert_eq!(ended.unwrap_err().code, "something_there", "{uid} {mode:o} {when}");
            assert_eq!(fs::read_to_string(&path).unwrap(), before);
        }
    }
}

#[test]
fn a_file_of_roots_with_another_name_is_not_edited() {
    let Some(ground) = ground() else { return };
    let path = ground.at(&format!("{CONFIG}/printer.cfg"));
    lchown(&path, Some(0), Some(0)).unwrap();
    fs::hard_link(&path, ground.at("etc/sudoers.d/x")).unwrap();
    let problem = ground.install_with(&mut |_| Ok(())).unwrap_err();
    assert!(problem.detail.contains("another name elsewhere"), "{problem}");
}
