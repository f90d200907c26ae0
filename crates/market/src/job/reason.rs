//! Why a job stands where it does when no printer said so: a stable code, a colon, a sentence, as printers' messages are made.

use crate::Party;

/// The lease ended without a word.
pub(super) const SILENT: &str =
    "printer_silent: the printer fell silent after it got the key, what became of the print is not known";
/// The printer turned it away and did not say more.
pub(super) const TURNED_AWAY: &str = "removed_at_printer: taken off the queue at the printer";
/// The printer gave it up and did not say more.
pub(super) const GIVEN_UP: &str = "not_started: the printer gave it up before it had the key";
/// Nobody claimed it.
pub(super) const EXPIRED: &str = "expired: no printer claimed the job in time";

/// Who took it back before its key was out.
pub(super) fn taken_back(by: Party) -> &'static str {
    match by {
        Party::Buyer => "cancelled_by_buyer: taken back before the printer had the key",
        Party::Publisher => "cancelled_by_publisher: taken back before the printer had the key",
        Party::Operator => "cancelled_by_operator: taken back before the printer had the key",
        Party::Store => "cancelled_by_store: its printer or its licence is gone",
    }
}
