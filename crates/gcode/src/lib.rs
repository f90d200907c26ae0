#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod approval;
mod command;
mod comment;
mod judge;
mod limits;
mod machine;
mod motion;
mod printer;
mod reading;
mod refusal;
mod report;
mod rules;
mod scanner;
mod slicer;
mod sniff;
mod stub;
mod thumbnail;

pub use approval::{Allowed, ApprovalError, Approvals, Kind};
pub use judge::Judge;
pub use limits::{Features, Limits};
pub use printer::Unread;
pub use reading::{Reading, Values};
pub use refusal::{Axis, Heater, Refusal};
pub use report::{Extent, Report, Summary};
pub use scanner::Scanner;
pub use sniff::Format;
pub use stub::{STUB_COMMAND, StubError, plain_text, stub, stub_job};
pub use thumbnail::{Thumbnail, ThumbnailFormat};
