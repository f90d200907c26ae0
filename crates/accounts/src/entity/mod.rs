//! Tables.

pub(crate) mod account;
pub(crate) mod audit_entry;
pub(crate) mod invitation;
pub(crate) mod setup_token;
pub(crate) mod signing_key;
pub(crate) mod token;
