//! What the agent asks of its machine: no looking in, no core dumps, keys that are not swapped out, a clock.

use std::{
    fmt,
    os::unix::net::UnixDatagram,
    time::{Instant, SystemTime},
};

use rand_core::{CryptoRng, UnwrapErr};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use sealpost_envelope::PrinterSecret;

use crate::core::Now;

/// Forbids other processes of the same user to look into this one, and core dumps.
pub fn harden() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "this process can be looked into by others of its user");
    }
    // Of one byte no file is made and no collector is called; 0 keeps collectors busy, and may be all that is left to us.
    let no_core = |bytes| setrlimit(Resource::Core, Rlimit { current: Some(bytes), maximum: Some(bytes) });
    if let Err(error) = no_core(1).or_else(|_| no_core(0)) {
        tracing::warn!(%error, "core dumps could not be switched off");
    }
}

/// Whether anything but compressed memory is used as swap: opened files could get onto a disk.
pub fn swaps_to_disk() -> bool {
    let swaps = std::fs::read_to_string("/proc/swaps").unwrap_or_default();
    swaps.lines().skip(1).any(|line| !line.starts_with("/dev/zram"))
}

/// The system's generator.
pub fn rng() -> impl CryptoRng {
    UnwrapErr(getrandom::SysRng)
}

/// The identity key in memory that is kept from being swapped out, where the system allows that.
pub struct Identity {
    // Declared first: unlocked before the memory is given back.
    _lock: Option<region::LockGuard>,
    secret: Box<PrinterSecret>,
}

impl Identity {
    /// Takes a key over.
    pub fn new(secret: PrinterSecret) -> Self {
        let secret = Box::new(secret);
        let lock = region::lock(&raw const *secret, size_of::<PrinterSecret>());
        if let Err(error) = &lock {
            tracing::warn!(%error, "the identity key could not be locked in memory");
        }
        Self { _lock: lock.ok(), secret }
    }

    /// The key.
    pub fn secret(&self) -> &PrinterSecret {
        &self.secret
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity([redacted])")
    }
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    begin: Instant,
}

impl Clock {
    /// Counts from now on.
    pub fn start() -> Self {
        Self { begin: Instant::now() }
    }

    /// The time.
    pub fn now(&self) -> Now {
        let mono = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let unix =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Now { mono, unix: unix.saturating_add_signed(sealpost_faults::clock_offset_s()) }
    }

    /// The moment of a monotonic time.
    pub fn at(&self, mono: u64) -> Instant {
        // A week ahead is as good as never.
        self.begin + std::time::Duration::from_millis(mono.min(self.now().mono + 7 * 24 * 3_600_000))
    }
}

/// Tells systemd that the agent is ready.
pub fn notify_ready() {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let send = || -> std::io::Result<()> {
        use std::os::linux::net::SocketAddrExt;
        let socket = UnixDatagram::unbound()?;
        match path.to_str().and_then(|text| text.strip_prefix('@')) {
            Some(name) => {
                let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
                socket.send_to_addr(b"READY=1", &address)?;
            }
            None => {
                socket.send_to(b"READY=1", &path)?;
            }
        }
        Ok(())
    };
    if let Err(error) = send() {
        tracing::warn!(%error, "the service manager could not be told that the agent is ready");
    }
}
