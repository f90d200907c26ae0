//! Lines of G-code: what is taken for a command is what Klipper hands to it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealpost_gcode::{Judge, Limits, Reading, Scanner, Values};

#[path = "../../crates/gcode/tests/support/klipper.rs"]
mod reference;

fuzz_target!(|data: &[u8]| {
    let limits =
        || Limits { extruder_max_temp: Some(250.0), axis_max: [Some(200.0); 3], ..Limits::default() };
    let mut whole = Scanner::new(Some(limits()));
    whole.update(data);
    let report = whole.finish();
    let mut pieces = Scanner::new(Some(limits()));
    data.chunks(7).for_each(|piece| pieces.update(piece));
    assert_eq!(pieces.finish(), report, "read in pieces it is another file");

    let mut judge = Judge::new(limits());
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(text) = std::str::from_utf8(line) else { continue };
        let _ = judge.line(line, 1);
        let Ok(ours) = Reading::of(line, 1) else { continue };
        let theirs = reference::klipper(text);
        let Some(ours) = ours else {
            assert_eq!(theirs, Ok(None), "{text:?}: nothing is on the line");
            continue;
        };
        let Ok(Some(theirs)) = theirs else { panic!("{text:?}: {ours:?}, Klipper {theirs:?}") };
        assert_eq!(ours.command, theirs.command, "{text:?}");
        match ours.values {
            Values::Letters(letters) => {
                for (letter, number) in &letters {
                    let value = theirs.params.get(&char::from(*letter).to_string()).map(String::as_str);
                    match number {
                        Some(number) => {
                            assert_eq!(value.and_then(|value| value.parse().ok()), Some(*number), "{text:?}")
                        }
                        None => assert_eq!(value, Some(""), "{text:?}"),
                    }
                }
                let known = |key: &str| {
                    matches!(key, "N" | "*")
                        || theirs.command.starts_with(key)
                        || letters.iter().any(|(letter, _)| key.as_bytes() == [*letter])
                };
                assert!(theirs.params.keys().all(|key| known(key)), "{text:?}: {theirs:?}");
            }
            Values::Named(values) => {
                let ours = values.iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
                assert_eq!(theirs.params, ours, "{text:?}");
            }
            Values::Text(raw) => {
                let outer = |c: char| c.is_whitespace() || c.is_control();
                let raw = std::str::from_utf8(raw).unwrap_or_default();
                assert_eq!(raw.trim_matches(outer), theirs.raw.trim_matches(outer), "{text:?}");
            }
        }
    }
});
