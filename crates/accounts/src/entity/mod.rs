//! Tables.

pub(crate) mod account;
pub(crate) mod audit_entry;
pub(crate) mod challenge;
pub(crate) mod invitation;
pub(crate) mod link;
pub(crate) mod passkey;
pub(crate) mod setup_token;
pub(crate) mod sign_in_wallet;
pub(crate) mod signing_key;
pub(crate) mod token;
