//! What the figures say, and that hostile input gets an answer.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gcode_insight::{InsightError, Stats, stats};
use proptest::prelude::*;

const SEAL_POST: &[u8] = include_bytes!("../../../tests/parts/seal-post.gcode");

fn of(lines: &str) -> Stats {
    stats(lines.as_bytes()).unwrap()
}

fn near(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "{found} is not {expected} within {within}");
}

#[test]
fn a_sliced_part_measures_what_its_slicer_says() {
    let stats = stats(SEAL_POST).unwrap();
    assert_eq!(stats.slicer.as_deref(), Some("PrusaSlicer 2.5.0"));
    assert_eq!((stats.layers.count, stats.layers.measured), (21, 21));
    assert_eq!((stats.temperatures.nozzle_c, stats.temperatures.bed_c), (Some(200.0), Some(50.0)));
    // The model is 6.3 mm high, its first layer lies at 0.3 mm, and the skirt around it is 21.5 mm wide.
    let bounds = stats.bounds.unwrap();
    near(bounds.max[2], 6.3, 0.001);
    near(bounds.min[2], 0.3, 0.001);
    assert!(bounds.size[0] > 12.0 && bounds.size[0] < 20.0, "without the skirt: {bounds:?}");
    near(stats.filament_g.unwrap(), stats.filament_stated_g.unwrap(), 0.01);
    near(stats.time.estimated_s, stats.time.stated_s.unwrap() as f64, 15.0);
    let [pla] = stats.filament.as_slice() else { panic!("{:?}", stats.filament) };
    assert_eq!((pla.material.as_deref(), pla.colour.as_deref()), (Some("PLA"), Some("#a3262a")));
    let by_kind: f64 = stats.features.iter().map(|feature| feature.print_mm).sum();
    near(by_kind, stats.moves.print_mm, 0.1);
    let time: f64 = stats.features.iter().map(|feature| feature.time_s).sum();
    near(time, stats.time.estimated_s, 0.1);
}

#[test]
fn lengths_are_those_of_the_moves() {
    let stats = of("G28\nG90\nM83\nG1 X0 Y0 Z0.2 F6000\nG1 X30 E1\nG1 Y40 E2\nG1 E-0.8\nG0 X0 Y0\nG1 E0.8\n");
    assert_eq!((stats.moves.print, stats.moves.retractions), (2, 1));
    assert_eq!((stats.moves.print_mm, stats.moves.travel_mm), (70.0, 50.0));
    assert_eq!(stats.filament_mm, 3.0);
    assert_eq!(stats.bounds.unwrap().size, [30.0, 40.0, 0.0]);
}

#[test]
fn absolute_and_relative_filament_and_inches_come_to_the_same() {
    let relative = of("G90\nM83\nG1 X0 Y0 Z1\nG1 X25.4 E1\nG1 X0 E1\n");
    let absolute = of("G90\nM82\nG92 E0\nG1 X0 Y0 Z1\nG1 X25.4 E1\nG92 E5\nG1 X0 E6\n");
    let inches = of("G20\nG90\nM83\nG1 X0 Y0 Z0.03937007874\nG1 X1 E0.03937007874\nG1 X0 E0.03937007874\n");
    for other in [absolute, inches] {
        assert_eq!(other.moves.print_mm, relative.moves.print_mm);
        assert_eq!(other.filament_mm, relative.filament_mm);
    }
}

#[test]
fn an_arc_is_as_long_as_it_is_round() {
    let full = of("G90\nM83\nG1 X10 Y0 Z0.2\nG2 X10 Y0 I-10 J0 E1\n");
    assert_eq!(full.moves.arcs, 1);
    near(full.moves.print_mm, 2.0 * std::f64::consts::PI * 10.0, 0.1);
    let quarter = of("G90\nM83\nG1 X10 Y0 Z0.2\nG3 X0 Y10 I-10 J0 E1\n");
    near(quarter.moves.print_mm, std::f64::consts::PI * 5.0, 0.05);
}

#[test]
fn filament_is_counted_by_extruder() {
    let stats =
        of("; filament_type = PLA;PETG\n; filament_density = 1.24,1.27\n; filament_diameter = 1.75,2.85\n\
        M83\nG1 X0 Y0 Z0.2\nG1 X1 E10\nT1\nG1 X2 E20\n");
    let [first, second] = stats.filament.as_slice() else { panic!("{:?}", stats.filament) };
    assert_eq!((first.material.as_deref(), second.material.as_deref()), (Some("PLA"), Some("PETG")));
    assert_eq!((first.length_mm, second.length_mm), (10.0, 20.0));
    near(second.volume_cm3, 0.128, 0.001);
}

#[test]
fn purge_lines_and_skirts_do_not_count_as_the_part() {
    let stats =
        of("M83\n;TYPE:Custom\nG1 X0 Y0 Z0.3\nG1 X200 E20\n;TYPE:Perimeter\nG1 X100 Y100 Z0.2\nG1 X110 E1\n");
    assert_eq!(stats.bounds.unwrap().size, [10.0, 0.0, 0.0]);
    assert_eq!(stats.layers.measured, 1);
    let only = of("M83\n;TYPE:Custom\nG1 X0 Y0 Z0.3\nG1 X200 E20\n");
    assert_eq!(only.bounds.unwrap().size, [200.0, 0.0, 0.0]);
}

#[test]
fn what_is_no_gcode_is_refused_in_words() {
    let error = stats(b"\x89PNG\r\n\x1a\n").unwrap_err();
    assert!(matches!(error, InsightError::NotGcode(_)));
    assert_eq!(error.to_string(), "this is a PNG picture, not G-code");
    assert!(stats(b"").is_err());
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _answer = stats(&bytes);
    }

    #[test]
    fn any_commands_get_an_answer_in_finite_numbers(
        lines in prop::collection::vec("(G[0-9]{1,2}|M[0-9]{1,3}|T[0-9]{1,9}|;TYPE:[A-Z]{1,3})( ?[XYZEFIJSPR]-?[0-9.]{0,12}){0,5}", 1..60)
    ) {
        if let Ok(stats) = stats(lines.join("\n").as_bytes()) {
            for number in [stats.time.estimated_s, stats.moves.print_mm, stats.moves.travel_mm, stats.filament_mm] {
                prop_assert!(number.is_finite(), "{stats:?}");
            }
        }
    }
}
