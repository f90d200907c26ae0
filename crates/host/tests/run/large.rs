//! Modules of few bytes that declare much: they are refused before anything is made of them.

use sealpost_envelope::ErrorCode as _;
use sealpost_host::{HostError, Imports, Limits, Manifest, Plugin};

use crate::kit::World;

const TYPES: u8 = 1;
const FUNCTIONS: u8 = 3;
const GLOBALS: u8 = 6;
const ELEMENTS: u8 = 9;
const CODE: u8 = 10;
const DATA: u8 = 11;
const I32: u8 = 0x7f;

fn load(sections: &[Vec<u8>]) -> Result<Plugin<World>, HostError> {
    let wasm = [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat();
    Plugin::load(&wasm, &Manifest::default(), &Limits::default(), &Imports::none(), World::default())
}

/// A number as WebAssembly has it (LEB128).
fn number(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A section with the same item so many times.
fn section(id: u8, count: u32, item: &[u8]) -> Vec<u8> {
    let content = [number(count), item.repeat(count as usize)].concat();
    [vec![id], number(content.len() as u32), content].concat()
}

/// Functions without parameters, each with so many locals and nothing to do.
fn functions(count: u32, locals: u32) -> [Vec<u8>; 3] {
    let body = [vec![1], number(locals), vec![I32, 0x0b]].concat();
    let entry = [number(body.len() as u32), body].concat();
    [section(TYPES, 1, &[0x60, 0, 0]), section(FUNCTIONS, count, &[0]), section(CODE, count, &entry)]
}

fn refused(sections: &[Vec<u8>], what: &str, limit: u32) {
    match load(sections).unwrap_err() {
        error @ HostError::TooMany { .. } => {
            assert_eq!(error.to_string(), format!("the plugin has more than {limit} {what}"));
            assert_eq!(error.code(), "plugin_too_large");
        }
        other => panic!("{what}: {other}"),
    }
}

#[test]
fn locals_are_counted_in_each_function_and_in_all_of_them() {
    let (each, all) = (Limits::FUNCTION_LOCALS, Limits::LOCALS);
    load(&functions(1, each)).unwrap();
    refused(&functions(1, each + 1), "locals in a function", each);
    refused(&functions(1, u32::MAX), "locals in a function", each);
    load(&functions(all / each, each)).unwrap();
    refused(&functions(all / each + 1, each), "locals", all);
    // Less than a megabyte, which takes seconds to translate.
    refused(&functions(90_000, each), "locals", all);
}

#[test]
fn groups_of_locals_count_together() {
    let half = number(Limits::FUNCTION_LOCALS / 2);
    let body = [vec![3], half.clone(), vec![I32], half, vec![I32, 1, I32, 0x0b]].concat();
    let entry = [number(body.len() as u32), body].concat();
    let sections = [section(TYPES, 1, &[0x60, 0, 0]), section(FUNCTIONS, 1, &[0]), section(CODE, 1, &entry)];
    refused(&sections, "locals in a function", Limits::FUNCTION_LOCALS);
}

#[test]
fn functions_globals_and_segments_are_counted() {
    let global = [I32, 0, 0x41, 0, 0x0b];
    let (elements, data) = ([1, 0, 0], [1, 0]);
    load(&functions(Limits::FUNCTIONS, 0)).unwrap();
    refused(&functions(Limits::FUNCTIONS + 1, 0), "functions", Limits::FUNCTIONS);
    load(&[section(GLOBALS, Limits::GLOBALS, &global)]).unwrap();
    refused(&[section(GLOBALS, Limits::GLOBALS + 1, &global)], "globals", Limits::GLOBALS);
    load(&[section(ELEMENTS, Limits::SEGMENTS, &elements)]).unwrap();
    refused(&[section(ELEMENTS, Limits::SEGMENTS + 1, &elements)], "segments of elements", Limits::SEGMENTS);
    load(&[section(DATA, Limits::SEGMENTS, &data)]).unwrap();
    refused(&[section(DATA, Limits::SEGMENTS + 1, &data)], "segments of data", Limits::SEGMENTS);
}

#[test]
fn types_are_counted_and_what_they_take_and_give() {
    let kind = |params: u32, results: u32| {
        let many = |count: u32| [number(count), vec![I32; count as usize]].concat();
        [vec![0x60], many(params), many(results)].concat()
    };
    let (most, results) = (Limits::PARAMETERS, Limits::RESULTS);
    load(&[section(TYPES, 1, &kind(most, results))]).unwrap();
    refused(&[section(TYPES, 1, &kind(most + 1, 0))], "parameters in a type", most);
    refused(&[section(TYPES, 1, &kind(0, results + 1))], "results in a type", results);
    load(&[section(TYPES, Limits::TYPES, &kind(0, 0))]).unwrap();
    refused(&[section(TYPES, Limits::TYPES + 1, &kind(0, 0))], "types", Limits::TYPES);
}
