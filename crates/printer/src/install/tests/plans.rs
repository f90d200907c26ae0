//! One plan for each layout, as it is shown by `install --dry-run --json`.

use crate::install::{Init, plan};

use super::ground::Ground;

fn shown(ground: &Ground) -> serde_json::Value {
    let mut plan = serde_json::to_value(ground.plan()).unwrap();
    // The files of `packaging/` are read there.
    for step in plan["steps"].as_array_mut().unwrap() {
        let long = step["text"].as_str().is_some_and(|text| text.lines().count() > 20);
        if long {
            step["text"] = "...".into();
        }
    }
    plan
}

#[test]
fn kiauh() {
    insta::assert_json_snapshot!(shown(&Ground::kiauh()));
}

#[test]
fn moonraker_by_pip() {
    insta::assert_json_snapshot!(shown(&Ground::pip()));
}

#[test]
fn kalico_with_parts_in_a_checkout() {
    insta::assert_json_snapshot!(shown(&Ground::kalico()));
}

#[test]
fn a_printer_without_systemd_that_forgets() {
    insta::assert_json_snapshot!(shown(&Ground::u1()));
}

#[test]
fn links_for_run_levels_where_they_are() {
    let ground = Ground::u1();
    let mut system = ground.system();
    system.init = Init::SysV;
    let steps = plan(&system).unwrap().steps;
    let links = steps
        .iter()
        .filter(|step| step.path().starts_with("/etc/rc2.d") || step.path().starts_with("/etc/rc6.d"));
    let links: Vec<String> = links.map(ToString::to_string).collect();
    assert_eq!(
        links,
        [
            "link     /etc/rc2.d/S01sealpost-printer -> ../init.d/sealpost-printer",
            "link     /etc/rc6.d/K01sealpost-printer -> ../init.d/sealpost-printer"
        ]
    );
}

#[test]
fn sections_of_others_are_not_joined() {
    for (file, section, code) in [
        ("printer.cfg", "[sealpost]", "section_there"),
        ("printer.cfg", "[secure_print]", "section_there"),
        ("moonraker.conf", "[lmnt_marketplace_plugin]", "lmnt_plugin_there"),
        ("moonraker.conf", "[encrypted_print]", "lmnt_plugin_there"),
    ] {
        let ground = Ground::kiauh();
        let path = format!("home/pi/printer_data/config/{file}");
        ground.file(&path, &format!("{}\n{section}\n", ground.text(&path)));
        assert_eq!(plan(&ground.system()).unwrap_err().code, code, "{section}");
    }
}

#[test]
fn what_is_missing_is_named_with_a_way_out() {
    let find = |ground: &Ground| {
        crate::install::find(&ground.tree, &ground.said, std::path::Path::new("/x")).unwrap_err()
    };
    for (gone, code) in [
        ("home/pi/klipper", "klipper_missing"),
        ("home/pi/moonraker", "moonraker_missing"),
        ("home/pi/printer_data", "printer_data_missing"),
        ("home/pi/printer_data/config/moonraker.conf", "config_missing"),
        ("usr/share/sealpost-printer", "parts_missing"),
    ] {
        let ground = Ground::kiauh();
        let path = ground.at(gone);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap()
        } else {
            std::fs::remove_file(path).unwrap()
        }
        let problem = find(&ground);
        assert_eq!(problem.code, code);
        assert!(!problem.hint.is_empty(), "{code}");
    }

    let ground = Ground::kiauh();
    std::fs::create_dir_all(ground.at("home/pi/printer_1_data/config")).unwrap();
    assert_eq!(find(&ground).code, "printer_data_unclear");
}

#[test]
fn the_key_of_moonraker_is_in_no_text() {
    let ground = Ground::kiauh();
    let mut system = ground.system();
    let key = crate::install::ApiKey(zeroize::Zeroizing::new("abcdef0123456789".to_owned()));
    system.access = crate::install::Access::Key(Some(key));
    let plan = plan(&system).unwrap();
    let texts = format!("{plan:?} {system:?} {}", serde_json::to_string(&(&plan, &system)).unwrap());
    assert!(texts.contains("moonraker.key"));
    assert!(!texts.contains("abcdef0123456789"));
}
