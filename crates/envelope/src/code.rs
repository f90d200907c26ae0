/// An error a person can meet: a stable code for programs, and what to do about it.
pub trait ErrorCode {
    /// Stable, lower-case, `snake_case`; never changes once released.
    fn code(&self) -> &'static str;

    /// One sentence that says what to do.
    fn hint(&self) -> &'static str;
}
