//! What printers of older stores have: a key of their own (PSEK) in the keeping of a custodial wallet service (CWS), and
//! files that their owner opens from the printer's own disk.

pub(crate) mod call;
pub(crate) mod custody;
pub(crate) mod file;
pub(crate) mod psek;
