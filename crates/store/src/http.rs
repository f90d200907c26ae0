//! What all groups of routes share.

pub(crate) mod body;
pub(crate) mod layers;
