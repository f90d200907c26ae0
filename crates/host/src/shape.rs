//! How much a module declares, looked at before anything is made of it.
//!
//! A few bytes can declare much: 30 000 locals take three bytes, a type of a thousand values one wherever it is used. Checking
//! and translating a module takes time for what it declares, so that is bounded before either begins.

use wasmparser::{BinaryReaderError, FunctionBody, Parser, Payload, TypeSectionReader};

use crate::{HostError, Limits};

/// Refuses a module that declares more than [`Limits`] has constants for. What is wrong with it otherwise is found later.
pub(crate) fn check_shape(wasm: &[u8]) -> Result<(), HostError> {
    let mut locals = 0_u64;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|error| unreadable(&error))? {
            Payload::TypeSection(types) => check_types(types)?,
            Payload::FunctionSection(functions) => {
                at_most(functions.count(), Limits::FUNCTIONS, "functions")?;
            }
            Payload::GlobalSection(globals) => at_most(globals.count(), Limits::GLOBALS, "globals")?,
            Payload::ElementSection(segments) => {
                at_most(segments.count(), Limits::SEGMENTS, "segments of elements")?;
            }
            Payload::DataSection(segments) => {
                at_most(segments.count(), Limits::SEGMENTS, "segments of data")?;
            }
            Payload::CodeSectionEntry(body) => {
                let of_it = declared(&body).map_err(|error| unreadable(&error))?;
                at_most(of_it, Limits::FUNCTION_LOCALS, "locals in a function")?;
                locals += of_it;
                at_most(locals, Limits::LOCALS, "locals")?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_types(types: TypeSectionReader<'_>) -> Result<(), HostError> {
    at_most(types.count(), Limits::TYPES, "types")?;
    for found in types.into_iter_err_on_gc_types() {
        let found = found.map_err(|error| unreadable(&error))?;
        at_most(found.params().len() as u64, Limits::PARAMETERS, "parameters in a type")?;
        at_most(found.results().len() as u64, Limits::RESULTS, "results in a type")?;
    }
    Ok(())
}

/// Groups of locals are read, never the locals: each group takes two bytes or more.
fn declared(body: &FunctionBody<'_>) -> Result<u64, BinaryReaderError> {
    let mut sum = 0_u64;
    for group in body.get_locals_reader()? {
        let (count, _) = group?;
        sum += u64::from(count);
    }
    Ok(sum)
}

fn at_most(found: impl Into<u64>, limit: u32, what: &'static str) -> Result<(), HostError> {
    if found.into() <= u64::from(limit) { Ok(()) } else { Err(HostError::TooMany { what, limit }) }
}

fn unreadable(error: &BinaryReaderError) -> HostError {
    HostError::invalid(&error.to_string())
}
