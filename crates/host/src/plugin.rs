//! A plugin, loaded.

use std::fmt;

use wasmi::errors::{ErrorKind, InstantiationError, MemoryError, TableError};
use wasmi::{Config, Engine, Error, Instance, Module, Store, StoreLimits, StoreLimitsBuilder};

use crate::call::Call;
use crate::check::{check, number_type};
use crate::link::link;
use crate::manifest::PAGE;
use crate::meter::{Meter, Stop};
use crate::shape::check_shape;
use crate::state::State;
use crate::{Environment, Function, HostError, Imports, Limits, Manifest, Value};

/// What every module begins with.
const MAGIC: &[u8] = b"\0asm";
/// Calls within each other.
const DEPTH: usize = 10_000;
/// Bytes of the interpreter's stack.
const STACK: usize = 8 << 20;

/// A plugin that runs, with a memory of its own. Dropping it lets go of all.
pub struct Plugin<E: Environment> {
    store: Store<State<E>>,
    instance: Instance,
    manifest: Manifest,
    limits: Limits,
    trapped: bool,
}

impl<E: Environment> Plugin<E> {
    /// Checks a module against its manifest and what is allowed, and then starts it. Whoever calls this has checked whose
    /// module and manifest they are.
    ///
    /// A start function gets 50 million units of work at most: it cannot be interrupted on the way.
    ///
    /// # Errors
    /// When the module is none that can run here, wants more than it may have, or fails as it starts.
    pub fn load(
        wasm: &[u8],
        manifest: &Manifest,
        limits: &Limits,
        imports: &Imports,
        environment: E,
    ) -> Result<Self, HostError> {
        if wasm.len() > limits.module_bytes {
            return Err(HostError::TooLarge { bytes: wasm.len(), limit: limits.module_bytes });
        }
        if !wasm.starts_with(MAGIC) {
            return Err(HostError::Invalid { reason: "it does not begin as one does".to_owned() });
        }
        check_shape(wasm)?;
        let engine = Engine::new(&config());
        // All of it first: translation looks at an instruction before it is known to be valid, which a debug build does not survive.
        Module::validate(&engine, wasm).map_err(|error| invalid(&error))?;
        let module = Module::new(&engine, wasm).map_err(|error| invalid(&error))?;
        check(&module, manifest)?;
        let linker = link(&module, manifest, imports)?;

        let mut store = Store::new(&engine, State::new(environment, limiter(limits, manifest)));
        store.limiter(|state| &mut state.limiter);
        let mut meter = Meter::begin(limits, &mut store);
        let started = meter.start(&mut store, |store| linker.instantiate_and_start(store, &module));
        let instance = started
            .map_err(|stop| stop.within("start"))?
            .map_err(|error| not_started(&error, meter.stopped(&error)))?;
        Ok(Self { store, instance, manifest: manifest.clone(), limits: *limits, trapped: false })
    }

    /// Calls a function of the manifest with values of its types, or another export with numbers. After a call that did not
    /// come to its own end the plugin is done with: its memory may be in any state.
    ///
    /// # Errors
    /// When there is no such function, the values do not fit, the plugin fails, or it goes past a limit.
    pub fn call(&mut self, name: &str, arguments: &[Value]) -> Result<Value, HostError> {
        if self.trapped {
            return Err(HostError::Trapped);
        }
        let meter = Meter::begin(&self.limits, &mut self.store);
        let mut call = Call::new(&mut self.store, self.instance, meter, name);
        let answer = match self.manifest.functions.get(name) {
            Some(function) => call.declared(function, arguments),
            None => call.raw(arguments),
        };
        self.trapped = call.broken();
        answer
    }

    /// What a function takes and gives: as the manifest declares it, else the numbers of the export.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<Function> {
        let declared = self.manifest.functions.get(name).cloned();
        declared.or_else(|| {
            let signature = self.instance.get_func(&self.store, name)?.ty(&self.store);
            let params: Option<Vec<_>> = signature.params().iter().map(number_type).collect();
            let result = match signature.results() {
                [] => None,
                [result] => Some(number_type(result)?),
                _ => return None,
            };
            Some(Function { params: params?, result, description: None })
        })
    }

    /// What it was loaded with.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The environment it was given.
    #[must_use]
    pub fn environment(&self) -> &E {
        &self.store.data().environment
    }
}

impl<E: Environment> fmt::Debug for Plugin<E> {
    /// Without its memory.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("limits", &self.limits)
            .field("trapped", &self.trapped)
            .finish_non_exhaustive()
    }
}

/// Everything is translated while it is loaded: what a call costs does not depend on what was called before.
fn config() -> Config {
    let mut config = Config::default();
    config
        .consume_fuel(true)
        .compilation_mode(wasmi::CompilationMode::Eager)
        .ignore_custom_sections(true)
        .set_max_recursion_depth(DEPTH)
        .set_max_stack_height(STACK)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false);
    config
}

fn limiter(limits: &Limits, manifest: &Manifest) -> StoreLimits {
    let pages = manifest.max_pages.map_or(usize::MAX, |pages| pages as usize);
    StoreLimitsBuilder::new()
        .memory_size(limits.memory_bytes.min(pages.saturating_mul(PAGE)))
        .table_elements(limits.table_entries)
        .tables(Limits::TABLES)
        .memories(1)
        .instances(1)
        .build()
}

fn invalid(error: &Error) -> HostError {
    HostError::invalid(&error.to_string())
}

fn not_started(error: &Error, stop: Stop) -> HostError {
    use InstantiationError::{
        FailedToInstantiateMemory, FailedToInstantiateTable, TooManyMemories, TooManyTables,
    };
    match error.kind() {
        ErrorKind::Memory(MemoryError::ResourceLimiterDeniedAllocation | MemoryError::OutOfSystemMemory)
        | ErrorKind::Table(TableError::ResourceLimiterDeniedAllocation | TableError::OutOfSystemMemory)
        | ErrorKind::Instantiation(
            FailedToInstantiateMemory(_) | FailedToInstantiateTable(_) | TooManyMemories | TooManyTables,
        ) => HostError::MemoryLimit,
        _ => stop.within("start"),
    }
}
