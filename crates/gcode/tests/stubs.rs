//! The stub: what printers show of a purchased part.

use proptest::prelude::*;
use sealpost_gcode::{Report, Scanner, StubError, plain_text, stub, stub_job};

const PRUSA: &[u8] = include_bytes!("data/prusaslicer.gcode");

fn scan(file: &[u8]) -> Report {
    let mut scanner = Scanner::new(None);
    scanner.update(file);
    scanner.finish()
}

#[test]
fn a_stub_says_what_the_file_said() {
    let mut original = scan(PRUSA);
    let text = stub(&original, "j_1", "A part").expect("stub");
    let mut again = Scanner::new(None);
    again.update(text.as_bytes());
    let mut again = again.finish();
    // Names are shown without signs a printer's page could misread.
    assert_eq!(again.summary.slicer_version.take().as_deref(), Some("2.7.4_linux-x64-GTK3-202404050940"));
    assert_eq!(again.summary.filament_name.take().as_deref(), Some("Generic PLA _MK3"));
    again.summary.slicer_version = original.summary.slicer_version.clone();
    again.summary.filament_name = original.summary.filament_name.clone();
    // Its height is written in the form Moonraker reads, which is a bare number.
    again.summary.object_height_mm = original.summary.object_height_mm;
    // It moves nothing.
    assert!(original.summary.extent_mm.take().is_some());
    assert_eq!(again.summary, original.summary);
    assert_eq!(again.thumbnails, original.thumbnails);
}

#[test]
fn a_stub_holds_a_command_that_fails_and_no_settings() {
    let text = stub(&scan(PRUSA), "j_1", "A part").expect("stub");
    let commands: Vec<_> = text.lines().filter(|l| !l.starts_with(';')).collect();
    assert_eq!(commands, ["SEALPOST_JOB JOB=j_1", "SDCARD_RESET_FILE"]);
    assert!(!text.contains("config") && !text.contains("start_gcode"));
    assert_eq!(stub_job(text.as_bytes()), Some("j_1"));
    assert_eq!(stub_job(&text.replace('\n', "\r\n").into_bytes()), Some("j_1"));
}

#[test]
fn a_file_with_other_commands_is_no_stub() {
    assert_eq!(stub_job(b"SEALPOST_JOB JOB=j_1\nSDCARD_RESET_FILE\n"), Some("j_1"));
    assert_eq!(stub_job(b"SEALPOST_JOB JOB=j_1\n"), None);
    assert_eq!(stub_job(b"SEALPOST_JOB JOB=j_1\nM112\n"), None);
    assert_eq!(stub_job(b"SEALPOST_JOB JOB=j_1\nSDCARD_RESET_FILE\nM112\n"), None);
    assert_eq!(stub_job(b"SEALPOST_JOB JOB=j_1 M112\nSDCARD_RESET_FILE\n"), None);
    assert_eq!(stub_job(b"SEALPOST_JOB JOB=J1\nSDCARD_RESET_FILE\n"), None);
    assert_eq!(stub_job(PRUSA), None);
    assert_eq!(stub_job(b""), None);
}

#[test]
fn a_job_id_that_is_none_gives_no_stub() {
    for id in ["", "J1", "j 1", "j\nM112", "j;1", "../j", &"j".repeat(65)] {
        assert_eq!(stub(&Report::default(), id, ""), Err(StubError::JobId), "{id:?}");
    }
}

#[test]
fn texts_are_mapped_and_cut() {
    assert_eq!(plain_text("Ein \"Würfel\"\nM112;"), "Ein _W_rfel__M112_");
    assert_eq!(plain_text(&"x".repeat(200)).len(), 80);
}

proptest! {
    #[test]
    fn no_title_or_comment_becomes_a_command(title in any::<String>(), comment in any::<String>()) {
        let file = format!(";Generated with Cura_SteamEngine {comment}\n; filament_type = {comment}\nG28\n");
        let text = stub(&scan(file.as_bytes()), "j_1", &title).expect("stub");
        prop_assert!(text.is_ascii());
        prop_assert_eq!(stub_job(text.as_bytes()), Some("j_1"));
        prop_assert!(text.bytes().all(|b| b == b'\n' || b >= b' '));
    }
}
