use std::time::Duration;

/// What a plugin may use. Work and time are for loading it, and for each call anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of the module, bytes. Checking and translating it takes time in proportion to them and to what it declares, which the
    /// constants below bound: about a tenth of a second a megabyte of code, several times that where it is made to be slow.
    /// Nothing interrupts it: [`time`](Self::time) begins after it.
    pub module_bytes: usize,
    /// Its memory may grow to, bytes; less where the manifest's `memory.maxPages` is less.
    pub memory_bytes: usize,
    /// Entries of each of its tables, of which it may have [`Limits::TABLES`].
    pub table_entries: usize,
    /// Units of work: about one for an instruction, one for 64 bytes that an instruction copies.
    pub fuel: u64,
    /// By the environment's clock. Overrun by what some million units take: a hundredth of a second, up to half a second where
    /// every call clears [`FUNCTION_LOCALS`](Self::FUNCTION_LOCALS); and by one thing that the environment is asked to do.
    pub time: Duration,
}

impl Limits {
    /// Tables a plugin may have.
    pub const TABLES: usize = 16;
    /// Types of functions and blocks a module may declare.
    pub const TYPES: u32 = 100_000;
    /// Parameters of each of them: every place that uses it costs what the type has.
    pub const PARAMETERS: u32 = 100;
    /// Results of each of them, the same. Compilers make one.
    pub const RESULTS: u32 = 16;
    /// Functions it may have of its own.
    pub const FUNCTIONS: u32 = 100_000;
    /// Locals all its functions may declare together.
    pub const LOCALS: u32 = 10_000_000;
    /// Locals one function may declare, beside its parameters: each of its calls clears them.
    pub const FUNCTION_LOCALS: u32 = 10_000;
    /// Globals it may have.
    pub const GLOBALS: u32 = 100_000;
    /// Segments of data it may have, and of elements.
    pub const SEGMENTS: u32 = 10_000;
}

impl Default for Limits {
    /// 64 MiB of module and of memory, 100 000 entries, ten thousand million units, ten seconds.
    fn default() -> Self {
        Self {
            module_bytes: 64 << 20,
            memory_bytes: 64 << 20,
            table_entries: 100_000,
            fuel: 10_000_000_000,
            time: Duration::from_secs(10),
        }
    }
}
