//! Why there is no answer.

use sealpost_gcode::Refusal;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InsightError {
    /// The bytes are no G-code that a printer would take.
    #[error("{0}")]
    NotGcode(#[from] Refusal),
    /// There is nothing to draw.
    #[error("nothing is printed in this file: it has no move that extrudes")]
    NothingPrinted,
    /// A picture of that size is not drawn.
    #[error("a picture of {width} x {height} is not drawn: each side is 1 to {side}, all of it at most {pixels} pixels",
        side = crate::SIDE_MAX, pixels = crate::PIXELS_MAX)]
    PictureSize {
        /// As asked, pixels.
        width: i32,
        /// As asked, pixels.
        height: i32,
    },
    /// The caller named memory that it had not taken by `malloc`.
    #[error("the input was not put into memory taken by malloc")]
    ForeignMemory,
    /// There is no memory for the answer.
    #[error("out of memory")]
    OutOfMemory,
}
