//! The report does not depend on where the pieces are cut.

use proptest::prelude::*;
use sealpost_gcode::{Limits, Report, Scanner};

const FILES: [&[u8]; 8] = [
    include_bytes!("data/prusaslicer.gcode"),
    include_bytes!("data/superslicer.gcode"),
    include_bytes!("data/orcaslicer.gcode"),
    include_bytes!("data/bambustudio.gcode"),
    include_bytes!("data/cura.gcode"),
    include_bytes!("data/simplify3d.gcode"),
    include_bytes!("data/ideamaker.gcode"),
    include_bytes!("data/kisslicer.gcode"),
];

fn limits() -> Limits {
    Limits {
        extruder_max_temp: Some(250.0),
        bed_max_temp: Some(70.0),
        axis_max: [Some(115.0), None, None],
        ..Limits::default()
    }
}

fn scan(file: &[u8], cuts: &[usize]) -> Report {
    let mut scanner = Scanner::new(Some(limits()));
    let mut start = 0;
    for cut in cuts {
        let end = (start + cut).min(file.len());
        scanner.update(&file[start..end]);
        start = end;
    }
    scanner.update(&file[start..]);
    scanner.finish()
}

/// Text as in files, and what breaks files: strange bytes, long lines, cut pictures.
fn nasty() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => Just(b"G1 X10.5 Y20 E.05\n".to_vec()),
        2 => Just(b"G1 X200\r\n".to_vec()),
        2 => Just(b"; thumbnail begin 16x16 8\n; AAAAAAAA\n; thumbnail end\n".to_vec()),
        2 => Just(b"; thumbnail begin 16x16 9\n".to_vec()),
        2 => Just("M117 Grüße ; Öl\n".as_bytes().to_vec()),
        1 => Just(b"M104 S300".to_vec()),
        1 => Just(b"\xe4\xe4\n".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
        1 => (4000usize..5000).prop_map(|n| vec![b'7'; n]),
        1 => (4000usize..5000).prop_map(|n| [b"; ", &vec![b'c'; n][..]].concat()),
        1 => Just(b"\n".to_vec()),
        1 => (1_048_000usize..1_049_000).prop_map(|n| [&vec![b';'; n][..], b"\x01\n"].concat()),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Words of commands and comments in no order.
fn babble() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: [&str; 40] = [
        "G0",
        "G1",
        "G2",
        "g28",
        "G90",
        "G91",
        "G92",
        "M104",
        "M109",
        "M190",
        "T0",
        "T1",
        "N1",
        "X",
        "Y1",
        "Z-2.5",
        "E",
        "S",
        "9",
        "-",
        ".",
        "=",
        ":",
        ",",
        ";",
        "; ",
        "\"",
        "\r",
        "\n",
        "\n",
        "\n",
        " ",
        " ",
        "SET_GCODE_OFFSET",
        "SET_HEATER_TEMPERATURE HEATER",
        "TARGET",
        "LAYER:",
        "layer_height",
        "estimated printing time",
        "HEIGHT:",
    ];
    let word = prop_oneof![
        9 => proptest::sample::select(&WORDS[..]).prop_map(str::to_owned),
        1 => any::<u64>().prop_map(|n| n.to_string()),
        1 => any::<f64>().prop_map(|n| n.to_string()),
    ];
    proptest::collection::vec(word, 0..200).prop_map(|words| words.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn slicer_files_read_the_same_however_they_are_cut(
        file in 0usize..8,
        cuts in proptest::collection::vec(0usize..97, 0..80),
    ) {
        prop_assert_eq!(scan(FILES[file], &cuts), scan(FILES[file], &[]));
    }

    #[test]
    fn babble_reads_the_same_however_it_is_cut(
        file in babble(),
        cuts in proptest::collection::vec(0usize..97, 0..40),
    ) {
        prop_assert_eq!(scan(&file, &cuts), scan(&file, &[]));
    }

    #[test]
    fn broken_files_read_the_same_however_they_are_cut(
        file in nasty(),
        cuts in proptest::collection::vec(0usize..3000, 0..40),
    ) {
        prop_assert_eq!(scan(&file, &cuts), scan(&file, &[]));
    }
}

#[test]
fn slicer_files_read_the_same_byte_by_byte() {
    for file in FILES {
        assert_eq!(scan(file, &vec![1; file.len()]), scan(file, &[]));
    }
}
