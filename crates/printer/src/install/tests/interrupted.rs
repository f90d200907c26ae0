//! `kill -9` at any moment: nothing runs after it, and the next run finds what lies there.

use std::{fs, process::Command};

use sealpost_api::Problem;

use crate::install::{Ledger, Standing, undo};

use super::ground::Ground;

fn killed() -> Problem {
    Problem::new(500, "killed", "killed")
}

/// Ends the work at its `n`th moment; whether it came that far.
fn install_until(ground: &Ground, n: usize) -> bool {
    let mut moments = 0;
    ground
        .install_with(&mut |_| {
            moments += 1;
            if moments == n { Err(killed()) } else { Ok(()) }
        })
        .is_err()
}

#[test]
fn installed_and_undone_the_tree_is_as_before() {
    for ground in [Ground::kiauh(), Ground::pip(), Ground::kalico(), Ground::u1()] {
        let before = ground.picture();
        ground.install();
        for (step, standing) in ground.plan().steps.iter().zip(ground.standings()) {
            assert_eq!(standing, Standing::Done, "{step}");
        }
        let installed = ground.picture();
        ground.install();
        assert_eq!(ground.picture(), installed, "a second run changes nothing");
        assert_eq!(ground.uninstall(false), [""; 0]);
        assert_eq!(ground.picture(), before);
    }
}

#[test]
fn ended_anywhere_it_is_finished_by_the_next_run_or_undone() {
    let whole = {
        let ground = Ground::kiauh();
        ground.install();
        ground.picture()
    };
    let mut n = 1;
    loop {
        let ground = Ground::kiauh();
        let before = ground.picture();
        if !install_until(&ground, n) {
            break;
        }
        ground.install();
        assert_eq!(ground.picture(), whole, "finished after moment {n}");
        assert_eq!(ground.uninstall(false), [""; 0]);
        assert_eq!(ground.picture(), before, "undone after moment {n}");

        let ground = Ground::kiauh();
        assert!(install_until(&ground, n));
        assert_eq!(ground.uninstall(false), [""; 0]);
        assert_eq!(ground.picture(), before, "undone from moment {n}");
        n += 1;
    }
    assert!(n > 40, "only {n} moments");
}

#[test]
fn undoing_is_finished_by_the_next_run_wherever_it_was_ended() {
    let mut n = 1;
    loop {
        let ground = Ground::kiauh();
        let before = ground.picture();
        ground.install();
        let ledger = Ledger::find(&ground.tree).unwrap().unwrap();
        let mut moments = 0;
        let ended = undo(&ground.tree, ground.installer().accounts, ledger, false, &mut |_| {
            moments += 1;
            if moments == n { Err(killed()) } else { Ok(()) }
        });
        assert_eq!(ground.uninstall(false), [""; 0]);
        assert_eq!(ground.picture(), before, "after moment {n}");
        if ended.is_ok() {
            break;
        }
        n += 1;
    }
    assert!(n > 30, "only {n} moments");
}

#[test]
fn what_a_system_forgot_keeps_klipper_from_nothing_and_is_put_back_or_undone() {
    let (ground, firmware) = (Ground::u1(), Ground::u1());
    let before = ground.picture();
    let forget = || {
        for name in ["etc", "home", "usr", "var", "run", "opt"] {
            fs::remove_dir_all(ground.at(name)).unwrap();
            let copied = Command::new("cp").arg("-a").arg(firmware.at(name)).arg(ground.at(name)).status();
            assert!(copied.unwrap().success());
        }
    };
    ground.install();
    let installed = ground.picture();
    forget();
    // A name that is not there stops Klipper, a pattern that finds nothing does not; Moonraker only warns of a component.
    let cfg = ground.text("oem/printer_data/config/printer.cfg");
    let includes: Vec<&str> = cfg.lines().filter(|line| line.contains("[include")).collect();
    assert_eq!(includes, ["[include /etc/sealpost/*.cfg]"]);
    assert!(!ground.at("etc/sealpost").exists());
    let config = fs::read_dir(ground.at("oem/printer_data/config")).unwrap();
    let names = config.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.filter(|name| name.ends_with(".cfg")).eq(["printer.cfg"]));

    ground.install();
    assert_eq!(ground.picture(), installed);
    forget();
    assert_eq!(ground.uninstall(false), [""; 0]);
    assert_eq!(ground.picture(), before);

    // What its owner wrote into the settings is kept by the next run.
    ground.install();
    let settings = format!("{}[macros]\nSTART_PRINT = {{}}\n", ground.text("etc/sealpost/printer.toml"));
    ground.file("etc/sealpost/printer.toml", &settings);
    ground.install();
    forget();
    ground.install();
    assert_eq!(ground.text("etc/sealpost/printer.toml"), settings);
    forget();
    assert_eq!(ground.uninstall(false), [""; 0]);
    assert_eq!(ground.picture(), before);
}
