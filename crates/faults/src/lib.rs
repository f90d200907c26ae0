#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "armed")]
mod armed;
#[cfg(feature = "armed")]
mod clock;
#[cfg(feature = "armed")]
mod plan;

/// A failure that a test asked for. Without the feature `armed` there is none.
#[derive(Debug)]
pub enum Injected {
    /// At this point.
    #[cfg(feature = "armed")]
    At(&'static str),
}

/// A point at which the program can be told to fail.
///
/// # Errors
/// [`Injected`], where the environment asks for it.
#[cfg_attr(not(feature = "armed"), inline(always))]
#[cfg_attr(not(feature = "armed"), expect(clippy::inline_always, reason = "it must cost nothing"))]
pub fn pass(name: &'static str) -> Result<(), Injected> {
    #[cfg(feature = "armed")]
    armed::pass(name)?;
    let _ = name;
    Ok(())
}

/// A point at which the program can end, stop or slow down, and nothing else.
#[cfg_attr(not(feature = "armed"), inline(always))]
#[cfg_attr(not(feature = "armed"), expect(clippy::inline_always, reason = "it must cost nothing"))]
pub fn point(name: &'static str) {
    let _ = pass(name);
}

/// Seconds by which this program's clock is wrong: where it reads the time of day, it adds them. Always 0 without the feature `armed`.
#[cfg_attr(not(feature = "armed"), inline(always))]
#[cfg_attr(not(feature = "armed"), expect(clippy::inline_always, reason = "it must cost nothing"))]
pub fn clock_offset_s() -> i64 {
    #[cfg(feature = "armed")]
    return clock::offset_s();
    #[cfg(not(feature = "armed"))]
    0
}

impl From<Injected> for std::io::Error {
    fn from(injected: Injected) -> Self {
        match injected {
            #[cfg(feature = "armed")]
            Injected::At(name) => Self::other(format!("a fault was asked for at {name}")),
        }
    }
}
