//! What the owner of the printer changed stays theirs.

use std::{fs, os::unix::fs::symlink};

use crate::{
    install::{Access, ApiKey, Ledger, Standing, Step, plan},
    settings::Settings,
};

use super::ground::{Ground, PRINTER_CFG};

const CFG: &str = "home/pi/printer_data/config/printer.cfg";
const CONF: &str = "home/pi/printer_data/config/moonraker.conf";
const DATA: &str = "home/pi/printer_data";
const SNIPPET: &str = "home/pi/printer_data/config/sealpost.cfg";

#[test]
fn edits_of_the_owner_survive_uninstalling() {
    let ground = Ground::kiauh();
    ground.install();
    let saved = ground.text(CFG).replace("pid_kp = 21.5", "pid_kp = 22.0").replace("ttyACM0", "ttyACM1");
    ground.file(CFG, &saved);
    assert_eq!(ground.uninstall(false), [""; 0]);
    assert_eq!(
        ground.text(CFG),
        PRINTER_CFG.replace("pid_kp = 21.5", "pid_kp = 22.0").replace("ttyACM0", "ttyACM1")
    );
}

#[test]
fn a_file_that_its_owner_changed_is_left_and_named() {
    let ground = Ground::kiauh();
    ground.install();
    let mine = format!("{}# mine\n", ground.text(SNIPPET));
    ground.file(SNIPPET, &mine);
    let link = ground.at("home/pi/klipper/klippy/extras/sealpost");
    fs::remove_file(&link).unwrap();
    fs::create_dir(&link).unwrap();

    assert!(ground.standings().iter().any(|standing| matches!(standing, Standing::Blocked(_))));
    fs::remove_dir(&link).unwrap();
    ground.install();
    assert_eq!(ground.text(SNIPPET), mine, "a second run leaves it too");

    let left = ground.uninstall(false);
    assert!(left.iter().any(|line| line.contains("sealpost.cfg: it was changed since")), "{left:?}");
    assert!(left.iter().any(|line| line.contains("copies of changed files")), "{left:?}");
    assert_eq!(ground.text(SNIPPET), mine);
    assert_eq!(ground.text(CFG), PRINTER_CFG);
}

#[test]
fn lines_are_taken_out_whatever_an_editor_did_around_them() {
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let comment = "# Sealpost; `sealpost-printer uninstall` takes it out\n";
    type Case<'a> = (&'a dyn Fn(&str) -> String, String);
    let cases: [Case<'_>; 3] = [
        (&|text| crlf(text), crlf(PRINTER_CFG)),
        (&|text| text.replace(comment, ""), PRINTER_CFG.to_owned()),
        (&|text| text.replace(comment, &format!("{comment}\n")), PRINTER_CFG.replace("\n#*# <", "\n\n#*# <")),
    ];
    for (edit, without) in cases {
        let ground = Ground::kiauh();
        ground.install();
        ground.file(CFG, &edit(&ground.text(CFG)));
        assert_eq!(ground.uninstall(false), [""; 0]);
        assert_eq!(ground.text(CFG), without);
    }
}

#[test]
fn nothing_is_undone_while_klipper_would_not_start_afterwards() {
    let edited =
        |ground: &Ground| ground.file(SNIPPET, &format!("{}compatible: True\n", ground.text(SNIPPET)));
    type Case<'a> = (&'a str, &'a dyn Fn(&Ground), &'a str);
    let mine = |ground: &Ground, first: &str, name: &str, text: &str| {
        ground.file(CFG, &format!("[include {first}]\n{}", ground.text(CFG)));
        ground.file(&format!("{DATA}/{name}"), text);
    };
    let without_ours = |ground: &Ground| ground.text(CFG).replace("[include sealpost.cfg]\n", "");
    let cases: [Case<'_>; 14] = [
        (
            "included by another spelling",
            &|ground| ground.file(CFG, &ground.text(CFG).replace("[include sealpost", "[include ./sealpost")),
            "printer.cfg: `[include ./sealpost.cfg]`",
        ),
        (
            "included by a file that is included",
            &|ground| {
                ground.file(CFG, &format!("[include mac*.cfg]\n{}", ground.text(CFG)));
                ground.file("home/pi/printer_data/config/macros.cfg", "[include sealpost.cfg]\n");
            },
            "macros.cfg: `[include sealpost.cfg]`",
        ),
        (
            "edited, and read by a pattern",
            &|ground| {
                edited(ground);
                ground.file(CFG, &format!("[include *.cfg]\n{PRINTER_CFG}"));
            },
            "`[include *.cfg]` reads /home/pi/printer_data/config/sealpost.cfg",
        ),
        (
            "moved into the owner's own file",
            &|ground| ground.file(CFG, &format!("[sealpost]\nsocket: /x\n{PRINTER_CFG}")),
            "printer.cfg: the section `[sealpost]`",
        ),
        (
            "a file in another folder",
            &|ground| {
                mine(ground, "conf.d/mine.cfg", "config/conf.d/mine.cfg", "[include ../sealpost.cfg]\n")
            },
            "conf.d/mine.cfg: `[include ../sealpost.cfg]`",
        ),
        (
            "moved to another folder",
            &|ground| {
                let ours = ground.text(SNIPPET);
                fs::remove_file(ground.at(SNIPPET)).unwrap();
                ground.file(CFG, &without_ours(ground));
                mine(ground, "parts.d/*.cfg", "config/parts.d/sealpost.cfg", &ours);
            },
            "parts.d/sealpost.cfg: the section `[sealpost]`",
        ),
        (
            "a way up and down again",
            &|ground| mine(ground, "../config/sealpost.cfg", "x", ""),
            "`[include ../config/sealpost.cfg]`",
        ),
        (
            "a link to the folder",
            &|ground| {
                symlink("/home/pi/printer_data/config", ground.at("home/pi/klipper_config")).unwrap();
                mine(ground, "/home/pi/klipper_config/sealpost.cfg", "x", "");
            },
            "`[include /home/pi/klipper_config/sealpost.cfg]`",
        ),
        (
            "a link to the file",
            &|ground| {
                symlink("sealpost.cfg", ground.at(&format!("{DATA}/config/other.cfg"))).unwrap();
                mine(ground, "other.cfg", "x", "");
            },
            "`[include other.cfg]`",
        ),
        (
            "a pattern for folders",
            &|ground| mine(ground, "*/mine.cfg", "config/some/mine.cfg", "[include ../sealpost.cfg]\n"),
            "some/mine.cfg: `[include ../sealpost.cfg]`",
        ),
        (
            "edited, and read by a class of characters",
            &|ground| {
                edited(ground);
                ground.file(CFG, &format!("[include [s]ealpost.cfg]\n{PRINTER_CFG}"));
            },
            "`[include [s]ealpost.cfg]` reads",
        ),
        (
            "the first of many files",
            &|ground| {
                mine(ground, "a*.cfg", "config/0.cfg", "[include ./sealpost.cfg]\n");
                for n in 1..=210 {
                    ground.file(&format!("{DATA}/config/a{n:03}.cfg"), "");
                }
                ground.file(CFG, &format!("[include 0.cfg]\n{}", ground.text(CFG)));
            },
            "0.cfg: `[include ./sealpost.cfg]`",
        ),
        (
            "more files than are looked at",
            &|ground| {
                mine(ground, "a*.cfg", "x", "");
                for n in 0..600 {
                    ground.file(&format!("{DATA}/config/a{n:03}.cfg"), "");
                }
            },
            "too many files to look through",
        ),
        (
            "moonraker",
            &|ground| {
                ground.file(CONF, &ground.text(CONF).replace("[include sealpost", "[include ./sealpost"))
            },
            "moonraker.conf: `[include ./sealpost.conf]`",
        ),
    ];
    for (case, change, told) in cases {
        let ground = Ground::kiauh();
        ground.install();
        change(&ground);
        let before = ground.picture();
        let Err(problem) = ground.undo(false) else { panic!("{case}") };
        assert_eq!(problem.code, "still_included", "{case}");
        assert!(problem.detail.contains(told), "{case}: {problem}");
        assert_eq!(ground.picture(), before, "{case}");
    }
}

#[test]
fn files_that_cannot_be_read_along_hinder_nothing() {
    let ground = Ground::kiauh();
    ground.file(CFG, &format!("[include *.cfg]\n{PRINTER_CFG}"));
    ground.install();
    fs::create_dir(ground.at("home/pi/printer_data/config/folder.cfg")).unwrap();
    fs::write(ground.at("home/pi/printer_data/config/latin1.cfg"), [0xe9]).unwrap();
    assert_eq!(ground.uninstall(false), [""; 0]);
}

#[test]
fn an_edited_file_that_nobody_reads_hinders_nothing() {
    let ground = Ground::kiauh();
    ground.install();
    ground.file(SNIPPET, &format!("{}compatible: True\n", ground.text(SNIPPET)));
    let left = ground.uninstall(false);
    assert!(left.iter().any(|line| line.contains("sealpost.cfg: it was changed since")), "{left:?}");
    assert_eq!(ground.text(CFG), PRINTER_CFG);
    assert!(!ground.at("home/pi/klipper/klippy/extras/sealpost").is_symlink());
}

#[test]
fn somebody_elses_file_blocks_before_anything_is_done() {
    let ground = Ground::kiauh();
    ground.file(SNIPPET, "[gcode_macro MINE]\n");
    let before = ground.picture();
    let problem = ground.install_with(&mut |_| Ok(())).unwrap_err();
    assert_eq!(problem.code, "something_there");
    assert!(problem.detail.contains("sealpost.cfg"), "{problem}");
    Ledger::open(&ground.tree, false).unwrap().remove().unwrap();
    assert_eq!(ground.picture(), before);
}

#[test]
fn a_copy_with_the_date_is_kept_of_what_is_changed() {
    let ground = Ground::kiauh();
    ground.install();
    let copy = format!("var/lib/sealpost-install/backup/2026-11-21T120000Z/{CFG}");
    assert_eq!(ground.text(&copy), PRINTER_CFG);
    // A later run keeps the first copy: it is what is put back.
    ground.file(CFG, PRINTER_CFG);
    ground.install();
    assert_eq!(ground.text(&copy), PRINTER_CFG);
}

#[test]
fn keys_are_kept_with_the_user_whose_they_are_until_they_are_given_up() {
    let ground = Ground::kiauh();
    let before = ground.picture();
    ground.install();
    ground.file("var/lib/sealpost-printer/identity.key", "00");
    let left = ground.uninstall(true);
    assert!(left.iter().any(|line| line.contains("identity and state were kept")), "{left:?}");
    assert_eq!(ground.text("var/lib/sealpost-printer/identity.key"), "00");
    assert!(ground.text("etc/passwd").contains("sealpost-printer"));
    assert_eq!(ground.text(CFG), PRINTER_CFG);

    ground.install();
    assert_eq!(ground.text("var/lib/sealpost-printer/identity.key"), "00");
    assert_eq!(ground.uninstall(false), [""; 0]);
    assert_eq!(ground.picture(), before);
}

#[test]
fn a_new_version_takes_the_place_of_the_old_one() {
    let ground = Ground::kiauh();
    let before = ground.picture();
    ground.install();
    ground.file("opt/sealpost-printer", "the next program");
    let open: Vec<_> =
        ground.standings().into_iter().filter(|standing| *standing == Standing::Open).collect();
    assert_eq!(open.len(), 1);
    ground.install();
    assert_eq!(ground.text("usr/local/bin/sealpost-printer"), "the next program");
    ground.file("opt/sealpost-printer", "the program");
    assert_eq!(ground.uninstall(false), [""; 0]);
    assert_eq!(ground.picture(), before);
}

#[test]
fn a_pattern_that_reads_the_file_along_needs_no_line() {
    let ground = Ground::kiauh();
    ground.file(CFG, &format!("[include *.cfg]\n{PRINTER_CFG}"));
    ground.install();
    assert_eq!(ground.text(CFG), format!("[include *.cfg]\n{PRINTER_CFG}"));
}

#[test]
fn stubs_go_and_files_that_somebody_put_beside_them_stay() {
    let stubs = "home/pi/printer_data/gcodes/sealpost";
    for (name, text, goes) in [
        ("a.gcode", "; a part\n\n; time\nSEALPOST_JOB JOB=a\nSDCARD_RESET_FILE\n", true),
        ("b.gcode", "SEALPOST_JOB JOB=b\nG28\n", false),
        ("notes.txt", "mine", false),
        (".thumbs/a.png", "", true),
    ] {
        let ground = Ground::kiauh();
        let before = ground.picture();
        ground.install();
        ground.file(&format!("{stubs}/{name}"), text);
        let left = ground.uninstall(false);
        assert_eq!(ground.at(stubs).exists(), !goes, "{name}");
        assert_eq!(left.is_empty(), goes, "{name}");
        assert_eq!(ground.picture() == before, goes, "{name}");
    }
}

const SETTINGS: &str = "etc/sealpost/printer.toml";
const MACROS: &str =
    "# mine\nstore = \"https://store.example\"\n\n[macros]\nSTART_PRINT = { BED = [0, 110] }";

fn moves_to(ground: &Ground, port: u16) {
    ground.file(CONF, &ground.text(CONF).replace("port: 7125", &format!("port: {port}")));
}

#[test]
fn settings_that_end_in_a_table_get_lines_before_it_and_are_put_back_to_the_byte() {
    let ground = Ground::kiauh();
    ground.file(SETTINGS, MACROS);
    ground.install();
    assert_eq!(ground.text(SETTINGS), MACROS, "there is nothing to say");
    let before = Settings::load(Some(&ground.at(SETTINGS))).unwrap();
    moves_to(&ground, 7126);
    ground.install();
    let settings = Settings::load(Some(&ground.at(SETTINGS))).unwrap();
    assert_eq!(settings.moonraker_url.port(), Some(7126));
    assert_eq!(settings.macros.approved, before.macros.approved);
    assert_eq!(settings.store, before.store);
    let installed = ground.text(SETTINGS);
    ground.install();
    assert_eq!(ground.text(SETTINGS), installed);
    assert_eq!(ground.uninstall(false), [""; 0]);
    assert_eq!(ground.text(SETTINGS), MACROS);
}

#[test]
fn lines_that_an_earlier_version_put_into_a_table_are_moved_out_of_it() {
    let ground = Ground::kiauh();
    ground.file(SETTINGS, &format!("{MACROS}\n"));
    moves_to(&ground, 7126);
    ground.install();
    let block = ground.text(SETTINGS).replace(&format!("{MACROS}\n"), "");
    ground.file(SETTINGS, &format!("{MACROS}\n{block}"));
    assert!(Settings::load(Some(&ground.at(SETTINGS))).is_err());
    ground.install();
    assert_eq!(ground.text(SETTINGS), format!("{block}{MACROS}\n"));
}

#[test]
fn settings_that_are_no_settings_are_not_written() {
    let ground = Ground::kiauh();
    ground.install();
    ground.file(SETTINGS, "[macros\n");
    moves_to(&ground, 7126);
    ground.install();
    assert_eq!(ground.text(SETTINGS), "[macros\n");
}

#[test]
fn our_own_settings_stay_ours_when_a_later_run_finds_more() {
    let ground = Ground::kiauh();
    let before = ground.picture();
    ground.install();
    moves_to(&ground, 7126);
    ground.install();
    let port = Settings::load(Some(&ground.at(SETTINGS))).unwrap().moonraker_url.port();
    assert_eq!(port, Some(7126));
    moves_to(&ground, 7125);
    ground.file(CONF, &ground.text(CONF).replace("port: 7126", "port: 7125"));
    assert_eq!(ground.uninstall(false), [""; 0]);
    assert_eq!(ground.picture(), before);
}

#[test]
fn settings_that_a_later_run_added_to_are_put_back_to_the_byte() {
    let ground = Ground::kiauh();
    ground.file(SETTINGS, MACROS);
    ground.install();
    moves_to(&ground, 7126);
    ground.install();
    // The port is said by now; what comes later is added and takes nothing away.
    let mut system = ground.system();
    system.access = Access::Key(Some(ApiKey(zeroize::Zeroizing::new("abcdef".to_owned()))));
    let steps = plan(&system).unwrap().steps;
    let steps: Vec<Step> = steps.into_iter().filter(|step| step.path().ends_with("printer.toml")).collect();
    ground.installer().apply(&steps, &Ledger::open(&ground.tree, false).unwrap(), &mut |_| Ok(())).unwrap();
    let settings = Settings::load(Some(&ground.at(SETTINGS))).unwrap();
    assert_eq!(settings.moonraker_url.port(), Some(7126));
    assert!(settings.moonraker_api_key_file.is_some());
    ground.uninstall(false);
    assert_eq!(ground.text(SETTINGS), MACROS);
}

#[test]
fn a_second_printer_does_not_take_the_agent_from_the_first() {
    let mut ground = Ground::kiauh();
    ground.data("home/pi/printer_2_data");
    ground.give("home/pi");
    ground.said.data = Some("/home/pi/printer_data".into());
    ground.install();
    let before = ground.picture();
    ground.said.data = Some("/home/pi/printer_2_data".into());
    let problem = ground.install_with(&mut |_| Ok(())).unwrap_err();
    assert_eq!(problem.code, "other_printer");
    assert!(problem.detail.contains("/home/pi/printer_data/config"), "{problem}");
    assert_eq!(ground.picture(), before);

    // The same folder by another name is the same printer.
    symlink("/home/pi/printer_data", ground.at("home/pi/printer")).unwrap();
    ground.said.data = Some("/home/pi/printer".into());
    ground.installer().standings(&[], &Ledger::look(&ground.tree).unwrap().unwrap()).unwrap();
    // Taken back, or its folder is gone: the agent is free.
    assert_eq!(ground.uninstall(true).len(), 2);
    ground.said.data = Some("/home/pi/printer_2_data".into());
    ground.install();
    fs::remove_dir_all(ground.at("home/pi/printer_2_data")).unwrap();
    ground.said.data = Some("/home/pi/printer_data".into());
    ground.install();
}
