//! What all groups of routes share.

pub(crate) mod body;
pub(crate) mod layers;
pub(crate) mod once;
pub(crate) mod page;
