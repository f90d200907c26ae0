use std::time::Duration;

/// What a plugin may use. Work and time are for loading it, and for each call anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of the module, bytes. Reading and checking it takes time in proportion, which nothing interrupts.
    pub module_bytes: usize,
    /// Its memory may grow to, bytes; less where the manifest's `memory.maxPages` is less.
    pub memory_bytes: usize,
    /// Entries of each of its tables, of which it may have [`Limits::TABLES`].
    pub table_entries: usize,
    /// Units of work: about one for an instruction, one for 64 bytes that an instruction copies.
    pub fuel: u64,
    /// By the environment's clock. Overrun by what some million units take, a few thousandths of a second.
    pub time: Duration,
}

impl Limits {
    /// Tables a plugin may have.
    pub const TABLES: usize = 16;
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
