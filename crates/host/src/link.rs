//! The host functions, and what may be linked.

use wasmi::{Caller, Error, ExternType, FuncType, Linker, Memory, Module, StoreLimits, ValType};

use crate::{Environment, HostError, Imports, Manifest, Permission};

/// The module that the interface's imports come from.
const MODULE: &str = "sealpost";
/// Bytes of a log line that are shown.
const LOG_LINE: usize = 16 << 10;
/// Units of work a call of a host function costs beside its bytes.
const CALL: u64 = 1_000;

/// What a plugin's store holds for its host.
pub(crate) struct State<E> {
    pub(crate) environment: E,
    pub(crate) limiter: StoreLimits,
}

/// A linker with every import of the module, each of which is allowed. Nothing of the plugin has run.
pub(crate) fn link<E: Environment>(
    module: &Module,
    manifest: &Manifest,
    imports: &Imports,
) -> Result<Linker<State<E>>, HostError> {
    let mut linker = Linker::new(module.engine());
    let mut linked = Vec::new();
    for import in module.imports() {
        let name = || format!("{}.{}", import.module(), import.name());
        let permission =
            needed(import.module(), import.name()).ok_or_else(|| HostError::Import { name: name() })?;
        let named = permission.as_str();
        if !manifest.permissions.contains(&permission) {
            return Err(HostError::PermissionNotAsked { permission: named });
        }
        if !imports.allow.contains(&permission) {
            return Err(HostError::Permission { permission: named });
        }
        if !matches!(import.ty(), ExternType::Func(found) if *found == signature(permission)) {
            return Err(HostError::Link { name: name() });
        }
        if !linked.contains(&permission) {
            linked.push(permission);
            define(&mut linker, permission).map_err(|_| HostError::Link { name: name() })?;
        }
    }
    Ok(linker)
}

fn needed(module: &str, name: &str) -> Option<Permission> {
    match (module, name) {
        (MODULE, "log") => Some(Permission::Log),
        (MODULE, "clock_ms") => Some(Permission::Clock),
        (MODULE, "random") => Some(Permission::Random),
        _ => None,
    }
}

fn signature(permission: Permission) -> FuncType {
    match permission {
        Permission::Log | Permission::Random => FuncType::new([ValType::I32, ValType::I32], []),
        Permission::Clock => FuncType::new([], [ValType::F64]),
    }
}

fn define<E: Environment>(linker: &mut Linker<State<E>>, permission: Permission) -> Result<(), Error> {
    match permission {
        Permission::Log => linker.func_wrap(MODULE, "log", log)?,
        Permission::Clock => linker.func_wrap(MODULE, "clock_ms", clock_ms)?,
        Permission::Random => linker.func_wrap(MODULE, "random", random)?,
    };
    Ok(())
}

fn log<E: Environment>(mut caller: Caller<'_, State<E>>, pointer: i32, length: i32) -> Result<(), Error> {
    let shown = (length as u32 as usize).min(LOG_LINE);
    pay(&mut caller, shown)?;
    let memory = memory(&caller)?;
    let (bytes, state) = memory.data_and_store_mut(&mut caller);
    // The whole of it must be there, as with every other host.
    let line = part(bytes, pointer, length)?;
    state.environment.log(&String::from_utf8_lossy(&line[..shown]));
    Ok(())
}

fn clock_ms<E: Environment>(mut caller: Caller<'_, State<E>>) -> Result<f64, Error> {
    pay(&mut caller, 0)?;
    Ok(caller.data_mut().environment.clock_ms())
}

fn random<E: Environment>(mut caller: Caller<'_, State<E>>, pointer: i32, length: i32) -> Result<(), Error> {
    pay(&mut caller, length as u32 as usize)?;
    let memory = memory(&caller)?;
    let (bytes, state) = memory.data_and_store_mut(&mut caller);
    let target = part(bytes, pointer, length)?;
    state.environment.random(target).map_err(|error| Error::new(error.to_string()))
}

/// A host's work counts as the plugin's. What it cannot pay at once it owes: it stops as soon as it goes on.
fn pay<E: Environment>(caller: &mut Caller<'_, State<E>>, bytes: usize) -> Result<(), Error> {
    let left = caller.get_fuel()?;
    caller.set_fuel(left.saturating_sub(CALL + bytes as u64))
}

fn memory<E: Environment>(caller: &Caller<'_, State<E>>) -> Result<Memory, Error> {
    let memory = caller.get_export("memory").and_then(wasmi::Extern::into_memory);
    memory.ok_or_else(|| Error::new("it called its host without a memory of its own"))
}

fn part(bytes: &mut [u8], pointer: i32, length: i32) -> Result<&mut [u8], Error> {
    let (pointer, length) = (pointer as u32 as usize, length as u32 as usize);
    let range = pointer.checked_add(length).and_then(|end| bytes.get_mut(pointer..end));
    range.ok_or_else(|| Error::new("it named a place outside of its memory"))
}
