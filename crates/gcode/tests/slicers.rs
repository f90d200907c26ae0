//! Each file in `data/` has the shape that its slicer gives to headers and footers.

use sealpost_gcode::{Report, Scanner, Summary, ThumbnailFormat};

fn scan(file: &[u8]) -> Report {
    let mut scanner = Scanner::new(None);
    scanner.update(file);
    let report = scanner.finish();
    assert_eq!(report.refusal, None);
    report
}

fn named(summary: &Summary) -> (&str, &str) {
    (summary.slicer.as_deref().unwrap_or(""), summary.slicer_version.as_deref().unwrap_or(""))
}

/// Time, layers, layer height, first layer, object height, mm, g, nozzle, extruder, bed.
type Measures = [Option<f64>; 10];

fn measures(s: &Summary) -> Measures {
    [
        s.estimated_time_s.map(|t| t as f64),
        s.layers.map(f64::from),
        s.layer_height_mm,
        s.first_layer_height_mm,
        s.object_height_mm,
        s.filament_used_mm,
        s.filament_used_g,
        s.nozzle_diameter_mm,
        s.extruder_temp_c,
        s.bed_temp_c,
    ]
}

#[test]
fn layers_are_counted_where_no_total_is_written() {
    for (file, layers) in [
        (";LAYER_CHANGE\nG1 X1\n;LAYER_CHANGE\nG1 X2\n", 2),
        ("; CHANGE_LAYER\nG1 X1\n", 1),
        (";LAYER:-1\n;LAYER:0\nG1 X1\n;LAYER:1\n;LAYER:2\n", 3),
        ("SET_PRINT_STATS_INFO CURRENT_LAYER=1\nG1 X1\nSET_PRINT_STATS_INFO CURRENT_LAYER=7\n", 7),
        (
            "SET_PRINT_STATS_INFO TOTAL_LAYER=0\nG1 X1\nset_print_stats_info total_layer=\"9\"\n;LAYER_CHANGE\n",
            9,
        ),
        (";LAYER_CHANGE\nG1 X1\n; total layers count = 40\n", 40),
    ] {
        assert_eq!(scan(file.as_bytes()).summary.layers, Some(layers), "{file}");
    }
}

#[test]
fn durations_are_read_in_every_unit() {
    for (text, seconds) in [
        ("; estimated printing time (normal mode) = 2d 1h 0m 9s", 176_409),
        ("; estimated printing time (normal mode) = 45s", 45),
        (";TIME:6666.7", 6667),
        ("; model printing time: 5m 3s; total estimated time: 12m 5s", 725),
        (";   Build time: 1 hour 1 minute", 3660),
    ] {
        let report = scan(format!("{text}\nG28\n").as_bytes());
        assert_eq!(report.summary.estimated_time_s, Some(seconds), "{text}");
    }
    for text in [";TIME:soon", ";TIME:99999999999", ";TIME:3 weeks"] {
        assert_eq!(scan(format!("{text}\nG28\n").as_bytes()).summary.estimated_time_s, None, "{text}");
    }
}

#[test]
fn prusaslicer_is_read_with_days_pictures_and_counted_layers() {
    let report = scan(include_bytes!("data/prusaslicer.gcode"));
    let s = &report.summary;
    assert_eq!(named(s), ("PrusaSlicer", "2.7.4+linux-x64-GTK3-202404050940"));
    let day = 86_400.0 + 2.0 * 3600.0 + 3.0 * 60.0 + 4.0;
    assert_eq!(measures(s), [day, 3.0, 0.15, 0.2, 0.5, 1245.0, 3.68 + 0.02, 0.4, 215.0, 60.0].map(Some));
    assert_eq!(s.filament_type.as_deref(), Some("PLA"));
    assert_eq!(s.filament_name.as_deref(), Some("Generic PLA @MK3"));
    let sizes: Vec<_> = report.thumbnails.iter().map(|t| (t.format, t.width, t.height)).collect();
    assert_eq!(sizes, [(ThumbnailFormat::Png, 16, 16), (ThumbnailFormat::Png, 32, 32)]);
    assert!(report.thumbnails[0].data.starts_with(b"\x89PNG"));
}

#[test]
fn superslicer_is_read_with_a_first_layer_in_percent() {
    let s = scan(include_bytes!("data/superslicer.gcode")).summary;
    assert_eq!(named(&s), ("SuperSlicer", "2.5.59"));
    assert_eq!(measures(&s), [729.0, 2.0, 0.2, 0.25, 0.45, 512.25, 1.53, 0.6, 235.0, 80.0].map(Some));
    assert_eq!(s.filament_type.as_deref(), Some("PETG"));
}

#[test]
fn orcaslicer_is_read_with_qoi_pictures_and_names_in_any_language() {
    let report = scan(include_bytes!("data/orcaslicer.gcode"));
    let s = &report.summary;
    assert_eq!(named(s), ("OrcaSlicer", "2.1.1"));
    assert_eq!(measures(s), [3223.0, 120.0, 0.2, 0.2, 24.0, 3210.98, 9.58, 0.4, 220.0, 60.0].map(Some));
    assert_eq!(report.thumbnails[0].format, ThumbnailFormat::Qoi);
    assert_eq!(report.high_bytes, 2, "the ü of an object's name");
}

#[test]
fn bambu_studio_is_read_with_its_total_time() {
    let s = scan(include_bytes!("data/bambustudio.gcode")).summary;
    assert_eq!(named(&s), ("BambuStudio", "01.09.05.51"));
    assert_eq!(measures(&s), [6450.0, 90.0, 0.2, 0.2, 18.0, 2432.0, 7.01 + 0.37, 0.4, 220.0, 55.0].map(Some));
    assert_eq!(s.filament_type.as_deref(), Some("PLA;PLA-S"));
}

#[test]
fn cura_is_read_in_metres_and_without_its_raft() {
    let s = scan(include_bytes!("data/cura.gcode")).summary;
    assert_eq!(named(&s), ("Cura", "5.6.0"));
    let expected = [Some(6666.0), Some(100.0), Some(0.2), Some(0.3), Some(20.1), Some(1750.0)];
    assert_eq!(measures(&s)[..6], expected);
    assert_eq!(measures(&s)[6..], [None, None, Some(200.0), Some(60.0)]);
}

#[test]
fn simplify3d_is_read_with_its_layers_counted() {
    let s = scan(include_bytes!("data/simplify3d.gcode")).summary;
    assert_eq!(named(&s), ("Simplify3D", "4.1.2"));
    let expected = [Some(4980.0), Some(2.0), Some(0.2), None, Some(0.38), Some(4567.8), Some(13.73)];
    assert_eq!(measures(&s)[..7], expected);
    assert_eq!(measures(&s)[7..], [Some(0.4), Some(210.0), Some(60.0)]);
    assert_eq!(s.filament_type.as_deref(), Some("PLA"));
}

#[test]
fn ideamaker_is_read_with_all_its_materials() {
    let s = scan(include_bytes!("data/ideamaker.gcode")).summary;
    assert_eq!(named(&s), ("ideaMaker", "4.3.2.6470"));
    let expected = [Some(13_310.0), Some(2.0), Some(0.2), Some(0.3), Some(0.5), Some(1245.0)];
    assert_eq!(measures(&s)[..6], expected);
    assert_eq!(measures(&s)[7..], [Some(0.4), Some(210.0), Some(60.0)]);
    assert_eq!(s.filament_name.as_deref(), Some("Generic PLA 1.75mm"));
}

#[test]
fn kisslicer_is_read_in_minutes() {
    let s = scan(include_bytes!("data/kisslicer.gcode")).summary;
    assert_eq!(named(&s), ("KISSlicer", "1.6.3"));
    let expected = [Some(7837.0), Some(2.0), Some(0.25), Some(0.3), Some(0.55), Some(1500.25)];
    assert_eq!(measures(&s)[..6], expected);
}
