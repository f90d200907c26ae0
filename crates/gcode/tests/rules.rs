//! Lines with their verdicts. The tests of Klipper's extra read the same file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use sealpost_gcode::{Approvals, Judge, Limits, Scanner};
use serde::Deserialize;

#[derive(Deserialize)]
struct Group {
    status: serde_json::Value,
    macros: Approvals,
    conventional: bool,
    lines: Verdicts,
    /// Lines one after the other, of which the last is refused or none.
    #[serde(default)]
    files: Vec<(Vec<String>, Option<String>)>,
}

type Verdicts = Vec<(String, Option<String>)>;

fn groups() -> Vec<(Limits, Verdicts)> {
    let groups: Vec<Group> = serde_json::from_str(include_str!("data/rules.json")).unwrap();
    let read = |group: Group| {
        let limits = Limits::of_printer(&group.status).unwrap();
        let approved = group.macros.checked().unwrap();
        (Limits { approved, conventional_macros: group.conventional, ..limits }, group.lines)
    };
    groups.into_iter().map(read).collect()
}

#[test]
fn every_line_is_judged_as_written_down() {
    for (limits, lines) in groups() {
        for (line, expected) in lines {
            let refusal = Judge::new(limits.clone()).line(line.as_bytes(), 7).err();
            let found = refusal.as_ref().map(|refusal| refusal.code());
            assert_eq!(found, expected.as_deref(), "{line:?}");
            if let Some(refusal) = refusal {
                assert_eq!(refusal.line(), Some(7));
                assert!(!refusal.hint().is_empty() && refusal.to_string().starts_with("line 7 "), "{line:?}");
            }
        }
    }
}

#[test]
fn lines_are_judged_by_those_before_them() {
    let groups: Vec<Group> = serde_json::from_str(include_str!("data/rules.json")).unwrap();
    let (limits, _) = self::groups().remove(0);
    assert!(!groups[0].files.is_empty());
    for (lines, expected) in &groups[0].files {
        let mut judge = Judge::new(limits.clone());
        for (index, line) in lines.iter().enumerate() {
            let found = judge.line(line.as_bytes(), 1).err().map(|refusal| refusal.code());
            let expected = expected.as_deref().filter(|_| index + 1 == lines.len());
            assert_eq!(found, expected, "{lines:?}");
        }
    }
}

#[test]
fn a_file_is_refused_for_the_same_lines() {
    for (limits, lines) in groups() {
        for (line, expected) in lines {
            let mut scanner = Scanner::new(Some(limits.clone()));
            scanner.update(format!("G28\n{line}\n").as_bytes());
            let refusal = scanner.finish().refusal;
            // Bytes that are no text are found before anything is read.
            let bytes = line.bytes().any(|b| b.is_ascii_control() && b != b'\t');
            assert_eq!(refusal.is_some(), expected.is_some(), "{line:?}: {refusal:?}");
            if !bytes {
                assert_eq!(refusal.map(|refusal| refusal.code()), expected.as_deref(), "{line:?}");
            }
        }
    }
}

#[test]
fn files_of_every_slicer_are_printed() {
    let (limits, _) = groups().remove(0);
    for file in [
        &include_bytes!("data/prusaslicer.gcode")[..],
        include_bytes!("data/superslicer.gcode"),
        include_bytes!("data/orcaslicer.gcode"),
        include_bytes!("data/bambustudio.gcode"),
        include_bytes!("data/cura.gcode"),
        include_bytes!("data/simplify3d.gcode"),
        include_bytes!("data/ideamaker.gcode"),
        include_bytes!("data/kisslicer.gcode"),
    ] {
        let mut scanner = Scanner::new(Some(limits.clone()));
        scanner.update(file);
        assert_eq!(scanner.finish().refusal, None);
    }
}

#[test]
fn what_happens_too_often_is_refused() {
    let (limits, _) = groups().remove(0);
    let mut scanner = Scanner::new(Some(limits));
    scanner.update("BED_MESH_CALIBRATE\n".repeat(5).as_bytes());
    let refusal = scanner.finish().refusal.unwrap();
    assert_eq!((refusal.code(), refusal.line()), ("gcode_too_often", Some(5)));
}

#[test]
fn heat_that_is_left_on_is_told() {
    for (file, on) in [
        ("G28\nM104 S200\n", true),
        ("G28\nM104 S200\nM104 S0\n", false),
        ("G28\nM104 S200\nM140 S60\nM104 S0\n", true),
        ("G28\nM104 S200\nM140 S60\nTURN_OFF_HEATERS\n", false),
        ("G28\nM104 S200\nPRINT_END\n", false),
        ("G28\nSET_HEATER_TEMPERATURE HEATER=chamber TARGET=50\n", true),
    ] {
        let (limits, _) = groups().remove(0);
        let mut scanner = Scanner::new(Some(limits));
        scanner.update(file.as_bytes());
        let report = scanner.finish();
        assert_eq!((report.check(), report.leaves_heat_on), (Ok(()), on), "{file:?}");
    }
}

#[test]
fn a_printer_that_does_not_tell_its_limits_prints_nothing() {
    let full: serde_json::Value = serde_json::from_str(include_str!("data/rules.json")).unwrap();
    let full = &full[0]["status"];
    Limits::of_printer(full).unwrap();
    for (pointer, part) in [
        ("/configfile/settings", "configuration"),
        ("/toolhead/axis_maximum", "axes"),
        ("/configfile/settings/printer/max_accel", "fast"),
        ("/configfile/settings/extruder", ""),
    ] {
        let mut status = full.clone();
        *status.pointer_mut(pointer).unwrap() = serde_json::Value::Null;
        let result = Limits::of_printer(&status);
        assert!(
            result.clone().is_err_and(|error| error.to_string().contains(part)) || part.is_empty(),
            "{pointer}: {result:?}"
        );
    }
    let mut status = full.clone();
    for extruder in ["extruder", "extruder1"] {
        status["configfile"]["settings"][extruder] = serde_json::json!({});
    }
    assert!(Limits::of_printer(&status).is_err());
}

#[test]
fn what_can_never_be_approved_is_told_at_once() {
    for settings in [
        r#"{"RUN_SHELL_COMMAND": {}}"#,
        r#"{"sealpost_job": {}}"#,
        r#"{"A B": {}}"#,
        r#"{"A": {"B": [2, 1]}}"#,
        r#"{"A": {"B C": "word"}}"#,
        r#"{"A": {"B": ["x=y"]}}"#,
        r#"{"A": {"B": []}}"#,
    ] {
        let approvals: Approvals = serde_json::from_str(settings).unwrap();
        assert!(approvals.checked().is_err(), "{settings}");
    }
    assert!(serde_json::from_str::<Approvals>(r#"{"A": {"B": "any"}}"#).is_err());
    let lower: Approvals = serde_json::from_str(r#"{"my_start": {"bed": [0, 1]}}"#).unwrap();
    assert_eq!(lower.checked().unwrap().names().collect::<Vec<_>>(), ["MY_START"]);
}

#[test]
fn a_seller_hears_what_not_every_printer_runs() {
    let mut scanner = Scanner::new(None);
    scanner.update(
        b"PRINT_START BED=60\nG28\nT1\nM205 X5\nMY_MACRO\nSET_PIN PIN=a VALUE=1\nRESTART\nG1 X1\nG1X2\n",
    );
    let report = scanner.finish();
    assert_eq!(report.refusal, None);
    let others: Vec<_> = report.other_commands.iter().map(String::as_str).collect();
    assert_eq!(others, ["MY_MACRO", "PRINT_START", "RESTART", "SET_PIN", "T1"]);
}
