//! What is not printed, and why.

use sealpost_gcode::{Limits, Refusal, Report, Scanner};

fn scan(file: &[u8], limits: Option<Limits>) -> Report {
    let mut scanner = Scanner::new(limits);
    scanner.update(file);
    scanner.finish()
}

fn code(file: &[u8]) -> Option<&'static str> {
    let refusal = scan(file, None).refusal;
    if let Some(refusal) = &refusal {
        assert!(!refusal.to_string().is_empty() && !refusal.hint().is_empty());
    }
    refusal.map(|r| r.code())
}

/// Bed of 220 x 220 x 250, 260 °C nozzle, 100 °C bed, 60 °C chamber.
fn printer() -> Limits {
    Limits {
        extruder_max_temp: Some(260.0),
        bed_max_temp: Some(100.0),
        chamber_max_temp: Some(60.0),
        other_max_temp: Some(80.0),
        axis_min: [Some(0.0), Some(0.0), Some(0.0)],
        axis_max: [Some(220.0), Some(220.0), Some(250.0)],
        ..Limits::default()
    }
}

fn on_printer(file: &str) -> Option<Refusal> {
    scan(file.as_bytes(), Some(printer())).refusal
}

#[test]
fn other_formats_are_told_by_their_head() {
    let padded = |magic: &[u8]| [magic, &[0u8; 600]].concat();
    for (magic, expected) in [
        (&b"\xff\xd8\xff\xe0\0\x10JFIF"[..], "gcode_is_jpeg"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "gcode_is_png"),
        (b"\x1f\x8b\x08\0", "gcode_is_gzip"),
        (b"PK\x03\x04", "gcode_is_zip"),
        (b"PK\x03\x04\x14\0\0\0\x08\0....[Content_Types].xml", "gcode_is_3mf"),
        (b"PK\x03\x04\x14\0\0\0\x08\0..../3D/model.gcode", "gcode_is_ufp"),
        (b"GCDE\x01\0\0\0", "gcode_is_bgcode"),
        (b"\x7fELF\x02\x01\x01", "gcode_is_elf"),
        (b"%PDF-1.7\n", "gcode_is_pdf"),
        (b"\n<!DOCTYPE html><html>", "gcode_is_html"),
        (b"\xff\xfeG\x001\x00", "gcode_is_utf16"),
        (b"age-encryption.org/v1\n-> X25519 abc\n", "gcode_is_encrypted"),
        (b"solid cube\n  facet normal 0 0 1\n    outer loop\n", "gcode_is_stl"),
    ] {
        assert_eq!(code(&padded(magic)), Some(expected), "{:?}", String::from_utf8_lossy(magic));
        assert_eq!(code(magic), Some(expected), "short: {:?}", String::from_utf8_lossy(magic));
    }
}

#[test]
fn a_binary_stl_is_told_by_its_triangles() {
    let mut stl = [&[b' '; 80][..], &2u32.to_le_bytes()].concat();
    for _ in 0..2 {
        for value in [0.0f32, 0.0, 1.0, 0.0, 0.0, 0.0, 10.0, 0.0, 0.0, 10.0, 10.0, 0.0] {
            stl.extend(value.to_le_bytes());
        }
        stl.extend([0, 0]);
    }
    assert_eq!(code(&stl), Some("gcode_is_stl"));
}

#[test]
fn nothing_and_nothing_to_print_are_refused() {
    assert_eq!(code(b""), Some("gcode_empty"));
    assert_eq!(code(b"; only a comment\n\n"), Some("gcode_no_commands"));
    assert_eq!(code(b"Dear customer,\nthank you for your order.\n"), Some("gcode_no_commands"));
    assert_eq!(code(b"G28"), None, "a last line without its end counts");
}

#[test]
fn a_carriage_return_inside_a_command_is_refused() {
    assert_eq!(code(b"G28\rG1 X10\r"), Some("gcode_lone_return"));
    assert_eq!(code(b"G28\nG1 X10\rM112\nG1 X20\n"), Some("gcode_lone_return"));
    assert_eq!(code(b"G28\r\nG1 X10\r\n"), None, "the line ends of Windows");
    assert_eq!(code(b"G28 ; a comment\rwith one\n"), None, "a printer skips comments");
    assert_eq!(code(b"G28\r\r\nG1 X10\r"), None, "they end a line together");
}

#[test]
fn control_bytes_are_refused_with_their_line() {
    assert_eq!(scan(b"G28\nG1 X\x001\n", None).refusal, Some(Refusal::ControlByte { line: 2, byte: 0 }));
    assert_eq!(
        scan(b"G28\r\n\tG1 X1\r\n; \x1b[2J\r\n", None).refusal,
        Some(Refusal::ControlByte { line: 3, byte: 0x1b })
    );
    assert_eq!(code(b"G28\n\x7f\n"), Some("gcode_control_byte"));
}

#[test]
fn bytes_above_ascii_are_harmless_except_as_a_command() {
    let report = scan("G28 ; Düse\nM117 Grüße\n; caf\u{e9}\n".as_bytes(), None);
    assert_eq!((report.check(), report.high_bytes), (Ok(()), 8));
    assert_eq!(scan(b"G28 ; \xff\n", None).high_bytes, 1);
    assert_eq!(scan(b"G28\n\xc3\xa4\n", None).refusal, Some(Refusal::NotText { line: 2 }));
}

#[test]
fn lines_nobody_writes_are_refused() {
    let long = "1".repeat(5000);
    assert_eq!(code(format!("G28\nM117 {long}\n").as_bytes()), Some("gcode_line_too_long"));
    assert_eq!(code(format!("G28\nG1 X{long}\n").as_bytes()), Some("gcode_line_too_long"));
    assert_eq!(code(format!("G28\n; start_gcode = {long}\nG1 X1 ; {long}\n").as_bytes()), None);
    assert_eq!(code(format!("G28\nEXCLUDE_OBJECT_DEFINE NAME=a POLYGON=[{long}]\n").as_bytes()), None);
    let points = "1,".repeat(4000);
    let outline =
        |behind: &str| format!("G28\nEXCLUDE_OBJECT_DEFINE POLYGON=[{points}] {behind}\n").into_bytes();
    for piece in [20_000, 3] {
        for (behind, expected) in [
            ("NAME='a b' ; c", None),
            ("NAME='a", Some("gcode_unclear")),
            ("OTHER=1", Some("gcode_bad_parameter")),
        ] {
            let mut scanner = Scanner::new(Some(printer()));
            outline(behind).chunks(piece).for_each(|piece| scanner.update(piece));
            let found = scanner.finish().refusal.map(|refusal| refusal.code());
            assert_eq!(found, expected, "{behind}, in pieces of {piece}");
        }
    }
    let huge = vec![b'x'; 1_100_000];
    assert_eq!(code(&[b"G28\n;", &huge[..]].concat()), Some("gcode_line_too_long"));
}

#[test]
fn too_hot_is_refused_however_it_is_written() {
    for hot in [
        "M104 S261",
        "m104 s261",
        "M104S261",
        "N12 M109 T1 S 300.5 ; hot",
        "M109 R280",
        "SET_HEATER_TEMPERATURE HEATER=extruder TARGET=300",
        "set_heater_temperature heater=\"extruder1\" target=300",
        "TEMPERATURE_WAIT SENSOR=extruder MINIMUM=300",
        "M140 S101",
        "M190 S110",
        "SET_HEATER_TEMPERATURE HEATER=heater_bed TARGET=120",
        "M141 S70",
        "M191 S70",
        "SET_HEATER_TEMPERATURE HEATER=chamber TARGET=70",
        "SET_HEATER_TEMPERATURE HEATER=dryer TARGET=90",
        "M104 S99999999999999999999999999",
    ] {
        let refusal = on_printer(&format!("G28\n{hot}\n"));
        assert!(matches!(refusal, Some(Refusal::TooHot { line: 2, .. })), "{hot}: {refusal:?}");
    }
}

#[test]
fn allowed_temperatures_pass() {
    let file = "G28\nM104 S260\nM109 S0\nM140 S100\nM141 S60\n; M104 S900\nM117 S900\nM106 S255\nG1 X1 ; M104 S900\n\
                SET_HEATER_TEMPERATURE HEATER=extruder\nM600\nM204 S5000\n";
    assert_eq!(on_printer(file), None);
}

#[test]
fn moves_beyond_the_axes_are_refused() {
    for (file, line) in [
        ("G28\nG1 X300 Y10\n", 2),
        ("G28\nG0 Y-40 F6000\n", 2),
        ("G28\nG1 Z300\n", 2),
        ("G28\ng1x300\n", 2),
        ("G28\nG2 X300 Y10 I5 J5\n", 2),
        ("G28\nG1 X200\nG91\nG1 X20\nG1 X20\n", 5),
        ("G28\nG1 X200\nG92 X0\nG1 X20\nG1 X50\n", 5),
        ("G28\nSET_GCODE_OFFSET X=50\nG1 X200\n", 3),
        ("G28\nG1 X10\nSET_GCODE_OFFSET X=50 MOVE=1\nG91\nG1 X170\n", 5),
        ("G28\nG1 X200\nSAVE_GCODE_STATE NAME=a\nG91\nG1 X10\nRESTORE_GCODE_STATE NAME=a\nG1 X250\n", 7),
        // Both ends lie within, what bulges between them does not.
        ("G28\nG1 X200 Y100\nG2 X200 Y140 I0 J20\nG3 X200 Y100 I0 J-20\nG3 X200 Y140 I10 J20\n", 5),
        // Below the bed, however low the axis reaches.
        ("G28\nG1 Z-1\n", 2),
        ("G28\nG1 Z10\nG91\nG1 Z-11\n", 4),
        ("G28\nG1 Z0.2\nG92 Z10\nG1 Z5\n", 4),
    ] {
        let refusal = on_printer(file);
        assert_eq!(refusal.as_ref().and_then(Refusal::line), Some(line), "{file:?}: {refusal:?}");
        assert_eq!(refusal.map(|r| r.code()), Some("gcode_out_of_reach"));
    }
}

#[test]
fn moves_whose_place_is_not_certain_pass() {
    for file in [
        "G28\nG1 X222 Y-3\n",
        "G28\nG91\nG1 Z300\n",
        "G28\nG91\nG1 X400\n",
        "G28\nG92 X-100\nG1 X-50\n",
        "G28\nG2 X100 Y100 I5 J5\n",
        "G28\nG1 X100\nG92 X300\nG1 X310\n",
        "G28\nT1\nG91\nG1 X250\n",
        "G28\nG1 E4000\n",
        "G28\nG1 X10 Y10 ; on to X300 Z400\n",
        "G28\nG1 X10;X300\n",
        "G28\nG0 ;X300\n",
        "; G1 X300\nG28 ; G1 X300\n",
        "G28\nSET_GCODE_OFFSET X=-50\nG1 X260\n",
    ] {
        assert_eq!(on_printer(file), None, "{file:?}");
    }
}

/// What Klipper would take lower than it looks, or lower than the file shows.
#[test]
fn nothing_leads_the_nozzle_below_the_bed() {
    let saves: String = (0..65).map(|n| format!("SAVE_GCODE_STATE NAME=s{n}\n")).collect();
    for (file, line, code) in [
        (
            format!("G28\nG90\nG1 X50 Y50 Z0.2 F600\n{}", "SET_GCODE_OFFSET Z_ADJUST=-1 MOVE=1\n".repeat(5)),
            4,
            "gcode_out_of_reach",
        ),
        ("G28\nSET_GCODE_OFFSET Z=-1 MOVE=1\n".into(), 2, "gcode_out_of_reach"),
        (format!("G28\n{}", "SET_GCODE_OFFSET Z_ADJUST=-0.4\n".repeat(3)), 4, "gcode_out_of_range"),
        (format!("G28\n{}", "SET_GCODE_OFFSET Z_ADJUST=6\n".repeat(2)), 3, "gcode_out_of_range"),
        (
            "G28\nSET_GCODE_OFFSET Z=-1\nSAVE_GCODE_STATE\nSET_GCODE_OFFSET Z=0\nRESTORE_GCODE_STATE\nSET_GCODE_OFFSET Z_ADJUST=-1\n".into(),
            6,
            "gcode_out_of_range",
        ),
        ("G28\nRESTORE_GCODE_STATE NAME=x\nG1 X300\n".into(), 2, "gcode_unknown_place"),
        (format!("G28\nG90\nG1 Z5\n{saves}"), 68, "gcode_unknown_place"),
        ("G28\nT1\nG28\nG90\nG1 Z-8\n".into(), 5, "gcode_out_of_reach"),
        ("G28\nT1\nG1 Z-8\n".into(), 3, "gcode_out_of_reach"),
        ("G28\nG91\nG1 Z-20 F600\n".into(), 3, "gcode_out_of_reach"),
        ("G28\nG91\nG1 Z5\nG1 X1\nG1 Z-6\n".into(), 5, "gcode_out_of_reach"),
        ("G28\nG91\nPRINT_START\nG1 Z5\nG1 Z-4\n".into(), 5, "gcode_out_of_reach"),
        ("G28\nPRINT_START\nG1 Z-0.4\nG1 Z-0.4\n".into(), 4, "gcode_out_of_reach"),
        ("G28\nG91\nG1 Z5\nG29\nG1 Z-5\n".into(), 5, "gcode_out_of_reach"),
        ("G28\nSET_GCODE_OFFSET Z=10\nPRINT_START\nG1 Z-9\n".into(), 4, "gcode_out_of_reach"),
        ("G28\nG1 Z10\nG92 Z0\nT1\nG1 Z-9\n".into(), 5, "gcode_out_of_reach"),
        (
            "G28\nG1 Z9\nSAVE_GCODE_STATE\nG1 Z1\nPRINT_START\nRESTORE_GCODE_STATE MOVE=1\nG91\nG1 Z-5\n".into(),
            8,
            "gcode_out_of_reach",
        ),
    ] {
        let refusal = on_printer(&file);
        assert_eq!(
            refusal.as_ref().map(|refusal| (refusal.line(), refusal.code())),
            Some((Some(line), code)),
            "{file:?}"
        );
    }
}

#[test]
fn what_slicers_do_at_unknown_places_is_printed() {
    for file in [
        "G28\nG91\nG1 Z5 F600\nG90\nG1 Z0.2\n",
        "PRINT_START\nG1 Z0.2\nG1 X1\nEND_PRINT\nG91\nG1 Z10\n",
        "G28\nG1 Z9\nG91\nG1 Z5\nM600\nG1 Z-5\nG90\nG1 Z9.2\n",
        "G28\nG1 Z0.2\nSET_GCODE_OFFSET Z_ADJUST=-0.05 MOVE=1\nG1 Z0.2\n",
        "G28\nSET_GCODE_OFFSET Z=0.3 MOVE=1\nSET_GCODE_OFFSET Z=0 MOVE=1\nG1 Z0.2\n",
        "G28\nT0\nG1 Z0.4\nT1\nG1 Z0.8\nG1 Z0.4\nT0\nG1 Z0.6\nG1 Z0.2\n",
        "G28\nG1 Z9\nSAVE_GCODE_STATE NAME=a\nG91\nG1 Z2\nTIMELAPSE_TAKE_FRAME\nRESTORE_GCODE_STATE NAME=a MOVE=1\nG1 Z9.2\n",
        "G28\nG1 Z9\nPAUSE\nG1 Z9.2\nG91\nG1 Z1\nG1 Z-1\n",
        "G28 X Y\nG28 Z\nG91\nG0 Z0.5\nG1 Z-0.5\n",
    ] {
        assert_eq!(on_printer(file), None, "{file:?}");
    }
}

#[test]
fn homing_forgets_g92_and_the_check_goes_on() {
    let refusal = on_printer("G28\nG1 X100\nG92 X300\nG28 X\nG1 X300\n");
    assert_eq!(refusal.and_then(|r| r.line()), Some(5));
}

#[test]
fn after_a_refusal_only_bytes_are_counted() {
    let mut scanner = Scanner::new(Some(printer()));
    scanner
        .update(b"; a line that makes the head long enough to be looked at at once ".repeat(10).as_slice());
    scanner.update(b"\nM104 S999\n");
    assert!(scanner.refusal().is_some());
    scanner.update(b"G1 X1\n");
    let report = scanner.finish();
    assert_eq!((report.bytes, report.commands), (650 + 11 + 6, 0));
}
