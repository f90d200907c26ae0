//! A module held against its manifest, before anything of it runs.

use wasmi::{ExternType, FuncType, Module, ValType};

use crate::{Function, HostError, Manifest, ValueType};

/// Refuses a module that lacks what its manifest declares, or has it with other types.
pub(crate) fn check(module: &Module, manifest: &Manifest) -> Result<(), HostError> {
    for (name, function) in &manifest.functions {
        let Some(ExternType::Func(found)) = module.get_export(name) else {
            return Err(HostError::MissingExport { what: format!("the function `{name}`") });
        };
        let declared = lowered(function);
        if found != declared {
            return Err(HostError::Signature {
                name: name.clone(),
                found: shown(&found),
                declared: shown(&declared),
            });
        }
    }
    if manifest.functions.values().any(uses_memory) {
        check_allocator(module)?;
    }
    Ok(())
}

/// The type of a number, which a caller can pass as it is.
pub(crate) fn number_type(value: &ValType) -> Option<ValueType> {
    match value {
        ValType::I32 => Some(ValueType::I32),
        ValType::I64 => Some(ValueType::I64),
        ValType::F32 => Some(ValueType::F32),
        ValType::F64 => Some(ValueType::F64),
        _ => None,
    }
}

fn check_allocator(module: &Module) -> Result<(), HostError> {
    let missing = |what: &str| HostError::MissingExport { what: what.to_owned() };
    if !matches!(module.get_export("memory"), Some(ExternType::Memory(_))) {
        return Err(missing("`memory`"));
    }
    let malloc = FuncType::new([ValType::I32], [ValType::I32]);
    if !matches!(module.get_export("malloc"), Some(ExternType::Func(found)) if found == malloc) {
        return Err(missing("`malloc(i32) -> i32`"));
    }
    let free = FuncType::new([ValType::I32], []);
    if !matches!(module.get_export("free"), Some(ExternType::Func(found)) if found == free) {
        return Err(missing("`free(i32)`"));
    }
    Ok(())
}

fn uses_memory(function: &Function) -> bool {
    function.params.iter().chain(&function.result).any(|value| value.in_memory())
}

/// The types of WebAssembly that a declared function has.
fn lowered(function: &Function) -> FuncType {
    use ValueType::{Bytes, F32, F64, I32, I64, Json, Text};
    let mut params = Vec::new();
    for param in &function.params {
        match param {
            I32 => params.push(ValType::I32),
            I64 => params.push(ValType::I64),
            F32 => params.push(ValType::F32),
            F64 => params.push(ValType::F64),
            Bytes | Text | Json => params.extend([ValType::I32, ValType::I32]),
        }
    }
    let result = function.result.map(|result| match result {
        I32 => ValType::I32,
        F32 => ValType::F32,
        F64 => ValType::F64,
        I64 | Bytes | Text | Json => ValType::I64,
    });
    FuncType::new(params, result)
}

fn shown(function: &FuncType) -> String {
    let list = |values: &[ValType]| {
        let names: Vec<String> = values.iter().map(|value| format!("{value:?}").to_lowercase()).collect();
        names.join(", ")
    };
    match function.results() {
        [] => format!("({})", list(function.params())),
        results => format!("({}) -> {}", list(function.params()), list(results)),
    }
}
