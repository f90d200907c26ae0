//! The host functions, and what may be linked.

use wasmi::{Caller, Error, ExternType, FuncType, Linker, Memory, Module, ValType};

use crate::state::State;
use crate::{Environment, HostError, Imports, Manifest, Permission};

/// The module that the interface's imports come from.
const MODULE: &str = "sealpost";
/// Bytes of a log line that are shown.
const LOG_LINE: usize = 16 << 10;
/// Bytes of log that are shown of a call.
const LOG_CALL: usize = 1 << 20;
const LOG_ENDS: &str = "(the rest of what this call logs is not shown)";
/// Units of work a call of a host function costs beside its bytes, and each line of a log.
const CALL: u64 = 1_000;

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
    pay(&mut caller, CALL + shown as u64)?;
    let memory = memory(&caller)?;
    // The whole of it must be there, as with every other host.
    let text = &part(memory.data_mut(&mut caller), pointer, length)?[..shown];
    let text = String::from_utf8_lossy(text).into_owned();
    for line in text.lines() {
        pay(&mut caller, CALL)?;
        // To show a line may take the host as long as its terminal likes.
        caller.data().in_time().map_err(Error::host)?;
        show(caller.data_mut(), line);
    }
    Ok(())
}

fn show<E: Environment>(state: &mut State<E>, line: &str) {
    if state.logged > LOG_CALL {
        return;
    }
    state.logged += line.len() + 1;
    state.environment.log(if state.logged > LOG_CALL { LOG_ENDS } else { line });
}

fn clock_ms<E: Environment>(mut caller: Caller<'_, State<E>>) -> Result<f64, Error> {
    pay(&mut caller, CALL)?;
    Ok(caller.data_mut().environment.clock_ms())
}

fn random<E: Environment>(mut caller: Caller<'_, State<E>>, pointer: i32, length: i32) -> Result<(), Error> {
    pay(&mut caller, CALL + u64::from(length as u32))?;
    let memory = memory(&caller)?;
    let (bytes, state) = memory.data_and_store_mut(&mut caller);
    let target = part(bytes, pointer, length)?;
    state.environment.random(target).map_err(|error| Error::new(error.to_string()))
}

/// A host's work counts as the plugin's, and what the plugin cannot pay is not done. What is more than its slice it owes: it stops
/// as soon as it goes on, for a look at the clock.
fn pay<E: Environment>(caller: &mut Caller<'_, State<E>>, units: u64) -> Result<(), Error> {
    let left = caller.get_fuel()?;
    caller.data_mut().owe(units.saturating_sub(left)).map_err(Error::host)?;
    caller.set_fuel(left.saturating_sub(units))
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
