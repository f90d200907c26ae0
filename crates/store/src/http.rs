//! What all groups of routes share.

pub(crate) mod body;
mod cors;
pub(crate) mod etag;
pub(crate) mod govern;
pub(crate) mod layers;
pub(crate) mod once;
pub(crate) mod pace;
pub(crate) mod page;
mod range;
pub(crate) mod sealed;
