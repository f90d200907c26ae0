//! What is taken for a command is what Klipper will run: lines without end, read here, by the extra and by Klipper.
//!
//! Klipper is the stand-in of `tests/klipper_host`, and in a laboratory the real one of `KLIPPER_DIR` too. `SEALPOST_LINES`
//! takes the number of lines.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/klipper.rs"]
mod reference;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    thread,
};

use sealpost_gcode::{Reading, Values};
use serde_json::Value;

/// What lines are made of: what slicers write, and what might be read in another way than it looks.
const WORDS: &[&str] = &[
    "G",
    "G1",
    "G0",
    "G28",
    "g1",
    "M104",
    "M117",
    "M118",
    "m117",
    "T0",
    "N10",
    "N",
    "n5",
    "G92",
    "M862.3",
    "G01",
    "M23",
    "SET_LED",
    "set_led",
    "EXCLUDE_OBJECT_START",
    "A_B2",
    "LOAD_T2_NOW",
    "PRINT_START",
    "X",
    "Y",
    "XY",
    "E",
    "S",
    "F",
    "P",
    "X1",
    "Y-2.5",
    "E.05",
    "S200",
    "F600",
    "X+3",
    "X1e5",
    "S2_00",
    "S0x10",
    "1",
    "-1",
    ".",
    "-",
    "+",
    "1.5",
    "1.2.3",
    "nan",
    "inf",
    "1_0",
    "NAME=",
    "name=a",
    "BED=60",
    "A=\"b c\"",
    "A='b'",
    "=",
    "==",
    "\"",
    "'",
    "\\",
    "#",
    ";",
    "; x",
    "*",
    "*55",
    "/",
    "//",
    "{x}",
    "[1,2]",
    "_",
    "a",
    "\t",
    "\r",
    "\u{b}",
    "\u{c}",
    "\u{1c}",
    "\u{0}",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{17f}",
    "\u{131}",
    "\u{df}",
    "\u{fb01}",
    "\u{663}",
    "\u{ff11}",
    "\u{2028}",
    "\u{3000}",
    "\u{e9}",
    "\u{1f600}",
    "%",
    ",",
    ":",
    "(",
    ")",
];

/// Lines that once were of interest.
const KNOWN: &[&str] = &[
    "M104 \u{17f}300",
    "G1 X\u{663}",
    "G1 X1 X999",
    "N10 G1 X5*77",
    "N10 SET_LED A=1*5",
    "M117 50 percent",
    "M117\u{a0}50",
    "SET_LED A=\"x\"\"y\"",
    "SET_LED A=x\\ y",
    "SET_LED A=1#2",
    "SET_LED A='1;2'",
    "SET_LED A=\"1;2\"",
    "GN1 X1",
    "N1N2 G1",
    "G1 X01844674.4173709951",
    "010 G1=2e2",
    "_1 A=1",
];

struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

fn lines(count: usize) -> Vec<String> {
    let mut numbers = Numbers(7);
    let mut lines: Vec<String> = KNOWN.iter().map(|line| (*line).to_owned()).collect();
    for number in 0..count {
        // Half of them begin as commands do, or no line would be taken.
        let begin = ["G1 ", "M104 ", "SET_LED ", "M117 ", "N7 G1 ", "PRINT_START "];
        let mut line = if number % 2 == 0 { begin[numbers.below(begin.len())] } else { "" }.to_owned();
        for _ in 0..numbers.below(7) {
            line.push_str(WORDS[numbers.below(WORDS.len())]);
            line.push_str(["", " ", " "][numbers.below(3)]);
        }
        lines.push(line);
    }
    lines
}

/// How somebody else reads these lines.
fn readings(reader: &[&str], lines: &[String]) -> Vec<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/klipper_host/read_lines.py");
    let python = std::env::var("KLIPPER_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut child = Command::new(python)
        .arg(script)
        .args(reader)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let text: String = lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect();
    let write = thread::spawn(move || input.write_all(text.as_bytes()));
    let output = BufReader::new(child.stdout.take().unwrap());
    let found: Vec<Value> =
        output.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    write.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(found.len(), lines.len(), "{reader:?} gave up");
    found
}

fn count() -> usize {
    std::env::var("SEALPOST_LINES").map_or(20_000, |text| text.parse().unwrap())
}

/// What Klipper hands to a command is what was read here.
fn agree(ours: Option<&Reading<'_>>, theirs: &Value) -> Result<(), &'static str> {
    let Some(ours) = ours else {
        return if theirs.is_null() { Ok(()) } else { Err("here nothing is on the line") };
    };
    if theirs[0] != ours.command.as_str() {
        return Err("another command");
    }
    let params: BTreeMap<&str, &str> = theirs[1]
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, text)| (key.as_str(), text.as_str().unwrap()))
        .collect();
    match &ours.values {
        Values::Letters(letters) => {
            for (letter, number) in letters {
                let text = params.get(char::from(*letter).to_string().as_str()).ok_or("an argument less")?;
                let same = match number {
                    Some(number) => text.parse() == Ok(*number),
                    None => text.is_empty(),
                };
                if !same {
                    return Err("another number");
                }
            }
            let known = |key: &str| {
                matches!(key, "N" | "*")
                    || ours.command.starts_with(key)
                    || letters.iter().any(|(letter, _)| key.as_bytes() == [*letter])
            };
            if params.keys().all(|key| known(key)) { Ok(()) } else { Err("an argument more") }
        }
        Values::Named(values) => {
            let values: BTreeMap<&str, &str> =
                values.iter().map(|(name, text)| (name.as_str(), &**text)).collect();
            if values == params { Ok(()) } else { Err("other arguments") }
        }
        Values::Text(text) => {
            let outer = |c: char| c.is_whitespace() || c.is_control();
            let text = std::str::from_utf8(text).unwrap();
            let raw = theirs[2].as_str().unwrap();
            if raw.trim_matches(outer) == text.trim_matches(outer) { Ok(()) } else { Err("another text") }
        }
    }
}

fn compare_with(reader: &[&str]) {
    let lines = lines(count());
    let mut taken = 0;
    for (line, theirs) in lines.iter().zip(readings(reader, &lines)) {
        if let Ok(ours) = Reading::of(line.as_bytes(), 1) {
            taken += usize::from(ours.is_some());
            assert_eq!(agree(ours.as_ref(), &theirs), Ok(()), "{line:?}: here {ours:?}, there {theirs}");
        }
    }
    assert!(taken > lines.len() / 50, "only {taken} of {} lines were taken", lines.len());
}

#[test]
fn the_stand_in_reads_what_is_read_here() {
    compare_with(&["host"]);
}

#[test]
fn what_is_written_down_of_klipper_is_what_the_stand_in_does() {
    let lines = lines(count());
    for (line, theirs) in lines.iter().zip(readings(&["host"], &lines)) {
        match reference::klipper(line) {
            Err(()) => assert!(theirs["error"].is_string(), "{line:?}: there {theirs}"),
            Ok(None) => assert!(theirs.is_null(), "{line:?}: there {theirs}"),
            Ok(Some(seen)) => {
                let ours = serde_json::json!([seen.command, seen.params, seen.raw]);
                assert_eq!(ours, theirs, "{line:?}");
            }
        }
    }
}

#[test]
fn klipper_reads_what_is_read_here() {
    if let Ok(folder) = std::env::var("KLIPPER_DIR") {
        compare_with(&["klipper", &folder]);
    }
}

#[test]
fn the_extra_reads_what_is_read_here_and_refuses_the_rest_with_the_same_codes() {
    let lines = lines(count());
    for (line, theirs) in lines.iter().zip(readings(&["rules"], &lines)) {
        match Reading::of(line.as_bytes(), 1) {
            Err(refusal) => assert_eq!(theirs["error"], refusal.code(), "{line:?}: there {theirs}"),
            Ok(None) => assert!(theirs.is_null(), "{line:?}: there {theirs}"),
            Ok(Some(ours)) => {
                assert_eq!(theirs[0], ours.command.as_str(), "{line:?}: there {theirs}");
                let same = match &ours.values {
                    Values::Letters(letters) => {
                        let ours =
                            letters.iter().map(|(letter, number)| (char::from(*letter).to_string(), *number));
                        let ours: BTreeMap<String, Option<f64>> = ours.collect();
                        serde_json::from_value::<BTreeMap<String, Option<f64>>>(theirs[1].clone()).unwrap()
                            == ours
                    }
                    Values::Named(values) => {
                        let ours: BTreeMap<_, _> =
                            values.iter().map(|(name, text)| (name.clone(), text.to_string())).collect();
                        serde_json::from_value::<BTreeMap<String, String>>(theirs[1].clone()).unwrap() == ours
                    }
                    Values::Text(text) => theirs[2] == std::str::from_utf8(text).unwrap(),
                };
                assert!(same, "{line:?}: here {ours:?}, there {theirs}");
            }
        }
    }
}
