//! Tables of this area.

pub(crate) mod challenge;
pub(crate) mod key_set;
pub(crate) mod pairing;
pub(crate) mod printer;
