#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod command;
mod comment;
mod limits;
mod motion;
mod refusal;
mod report;
mod scanner;
mod slicer;
mod sniff;
mod stub;
mod thumbnail;

pub use limits::Limits;
pub use refusal::{Axis, Heater, Refusal};
pub use report::{Report, Summary};
pub use scanner::Scanner;
pub use sniff::Format;
pub use stub::{STUB_COMMAND, StubError, plain_text, stub, stub_job};
pub use thumbnail::{Thumbnail, ThumbnailFormat};
