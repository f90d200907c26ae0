//! Why a rule refused something, in words a person can act on.

use crate::{JobState, LicenceState, ListingState, PurchaseState};

/// What kind of refusal it is; servers map it to a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RuleClass {
    /// The value is in no state for this: HTTP 409.
    Conflict,
    /// Never for this caller: HTTP 403.
    Forbidden,
    /// There is no such thing to use: HTTP 404.
    NotFound,
    /// It was there and has ended: HTTP 410.
    Gone,
    /// Something must be paid first: HTTP 402.
    PaymentRequired,
    /// The request itself makes no sense: HTTP 422.
    Invalid,
}

/// A rule said no. `Display` is the sentence, [`RuleError::code`] is stable, [`RuleError::hint`] says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// Nothing left on the licence.
    #[error("this licence allows {allowed} prints; {used} are used and {reserved} are under way")]
    LicenceExhausted {
        /// How many it allows.
        allowed: u32,
        /// How many were used.
        used: u32,
        /// How many jobs hold one.
        reserved: u32,
    },
    /// No place for another device.
    #[error("this licence is for {allowed} {}, and no place is left", if *allowed == 1 { "device" } else { "devices" })]
    DeviceLimit {
        /// How many it allows.
        allowed: u32,
    },
    /// A device of a licence that counts prints.
    #[error("this licence counts prints and has no devices")]
    NoDevices,
    /// A print of a licence that counts devices.
    #[error("this licence is for a plugin, which is not printed")]
    NotPrintable,
    /// The licence is suspended or revoked.
    #[error("this licence is {0}")]
    LicenceInactive(LicenceState),
    /// The chain took the licence's payment back.
    #[error("the payment for this licence is not on the chain any more")]
    PaymentUndone,
    /// The licence's payment was given back on chain.
    #[error("the payment for this licence was given back")]
    PaymentRefunded,
    /// Only a settled transaction pays for a purchase on chain.
    #[error("a purchase on chain is paid by its transaction alone")]
    PaidOnChain,
    /// Money that went over a chain goes back over it.
    #[error("a purchase that was paid on chain is refunded on chain")]
    RefundOnChain,
    /// The licence's time is over.
    #[error("this licence has expired")]
    LicenceExpired,
    /// The books do not add up: something is given back or used that nobody holds.
    #[error("this licence has no print reserved")]
    NothingReserved,
    /// The job is in no state for this event.
    #[error("a job that is {state} cannot be {action}")]
    JobState {
        /// The state it is in.
        state: JobState,
        /// What was asked, as a participle.
        action: &'static str,
    },
    /// The job has its outcome.
    #[error("this job has ended: {0}")]
    JobFinished(JobState),
    /// The job's key is out, so it cannot be taken back.
    #[error("the key of this job was given to the printer")]
    KeyReleased,
    /// The job waits for another printer.
    #[error("this job belongs to another printer")]
    OtherPrinter,
    /// The job was started; no second key is given for it.
    #[error("this job was started and cannot be claimed again")]
    AlreadyStarted,
    /// A report that carries the number of an older lease.
    #[error("this report carries lease {given}; the current lease is {current}")]
    OldLease {
        /// The number it carries.
        given: u64,
        /// The number of the lease in force.
        current: u64,
    },
    /// A report that carries a number nobody was given.
    #[error("this report carries lease {given}, which was never given")]
    UnknownLease {
        /// The number it carries.
        given: u64,
    },
    /// Somebody asked the printer to end the job, so it gets no further key.
    #[error("somebody asked to end this job")]
    StopAsked,
    /// A claim by a printer that did not know of the lease in force: another claim of it came first.
    #[error("this claim follows lease {given}; the current lease is {current}")]
    LeaseMoved {
        /// The lease it knew of.
        given: u64,
        /// The number of the lease in force.
        current: u64,
    },
    /// A deadline that has not come, or that is not set.
    #[error("its time has not run out")]
    NotDue,
    /// The licence that was loaded is not the job's.
    #[error("the job belongs to another licence")]
    OtherLicence,
    /// The caller may not do this.
    #[error("only {0} may do this")]
    NotAllowed(&'static str),
    /// The listing is not for sale.
    #[error("this listing is {0}")]
    ListingNotForSale(ListingState),
    /// What was seen by others is no draft again.
    #[error("this listing was published already")]
    AlreadyPublished,
    /// No version to give.
    #[error("there is no such version of this listing")]
    NoRelease,
    /// The publisher took the version back, and the caller never had it.
    #[error("version {0} was taken back by its publisher")]
    ReleaseYanked(crate::Version),
    /// The licence covers older versions only.
    #[error("this licence covers versions up to {0}")]
    ReleaseNotCovered(crate::Version),
    /// The voucher is for another listing.
    #[error("this voucher is for another listing")]
    VoucherForOther,
    /// The voucher was used as often as it may.
    #[error("this voucher is used up")]
    VoucherUsedUp,
    /// The voucher's time is over.
    #[error("this voucher has expired")]
    VoucherExpired,
    /// Its publisher took it back.
    #[error("this voucher was taken back by its publisher")]
    VoucherDisabled,
    /// A purchase by voucher without one, or a voucher where none is taken.
    #[error("a purchase by voucher needs a voucher, and no other purchase takes one")]
    VoucherMismatch,
    /// The listing costs something.
    #[error("this listing is not free")]
    NotFree,
    /// A licence for nothing, or terms that make no sense.
    #[error("a purchase grants at least one print")]
    NoPrints,
    /// The purchase is in no state for this.
    #[error("a purchase that is {state} cannot be {action}")]
    PurchaseState {
        /// The state it is in.
        state: PurchaseState,
        /// What was asked, as a participle.
        action: &'static str,
    },
    /// A refund that needs a person's decision.
    #[error("a key of this purchase was released, so it is not refunded by itself")]
    RefundNeedsDecision,
}

impl RuleError {
    /// The stable code of this refusal, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.describe().0
    }

    /// What the person who met this can do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        self.describe().2
    }

    /// What kind of refusal this is.
    #[must_use]
    pub fn class(&self) -> RuleClass {
        self.describe().1
    }

    fn describe(&self) -> (&'static str, RuleClass, &'static str) {
        use RuleClass::{Conflict, Forbidden, Gone, Invalid, NotFound, PaymentRequired};
        match self {
            Self::LicenceExhausted { reserved: 0, .. } => {
                ("licence_exhausted", PaymentRequired, "Buy the listing again to print it again.")
            }
            Self::LicenceExhausted { .. } => (
                "licence_exhausted",
                PaymentRequired,
                "Wait for the running prints, cancel a waiting one, or buy the listing again.",
            ),
            Self::DeviceLimit { .. } => (
                "device_limit",
                Conflict,
                "Use a device that the licence counts already, or buy the plugin once more.",
            ),
            Self::NoDevices => ("no_devices", Invalid, "Send it to a printer: `POST /api/v1/jobs`."),
            Self::NotPrintable => {
                ("not_printable", Invalid, "Register a device for it: `POST /api/v1/licences/{id}/devices`.")
            }
            Self::LicenceInactive(_) => {
                ("licence_inactive", Forbidden, "Ask the publisher or the store's operator why.")
            }
            Self::PaymentUndone => (
                "payment_undone",
                Forbidden,
                "Wait until the transaction is mined again, or pay anew; the licence comes back by itself.",
            ),
            Self::PaymentRefunded => ("payment_refunded", Forbidden, "Buy the listing again."),
            Self::PaidOnChain => {
                ("paid_on_chain", Conflict, "Wait for the transaction, or give the buyer a voucher.")
            }
            Self::RefundOnChain => (
                "refund_on_chain",
                Conflict,
                "Refund with the wallet that gets the money: the prepared call is in `payment.refund` of the purchase.",
            ),
            Self::LicenceExpired => (
                "licence_expired",
                Gone,
                "Buy the listing again; on chain pay for another key of yours, because one key buys a version once.",
            ),
            Self::NothingReserved => {
                ("nothing_reserved", Conflict, "Load the licence again; another change came first.")
            }
            Self::JobState { .. } => ("job_state", Conflict, "Look at the job's state and try what fits it."),
            Self::JobFinished(_) => ("job_finished", Gone, "Make a new job to print again."),
            Self::KeyReleased => (
                "key_released",
                Conflict,
                "Cancel the print at the printer; its report ends the job. If the printer is gone for good, the publisher decides.",
            ),
            Self::OtherPrinter => {
                ("other_printer", Forbidden, "Send the job to this printer, or claim it from the right one.")
            }
            Self::AlreadyStarted => (
                "already_started",
                Conflict,
                "Report how the print went, then make a new job to print again.",
            ),
            Self::OldLease { .. } => {
                ("old_lease", Conflict, "Drop this claim: the printer has claimed the job anew since.")
            }
            Self::UnknownLease { .. } => {
                ("unknown_lease", Conflict, "Claim the job before reporting about it.")
            }
            Self::StopAsked => ("cancel_requested", Conflict, "Report that it was cancelled."),
            Self::LeaseMoved { .. } => (
                "lease_moved",
                Conflict,
                "Ask for jobs again, and claim it after the lease that is told there.",
            ),
            Self::NotDue => ("not_due", Conflict, "Try again after its deadline."),
            Self::OtherLicence => ("other_licence", Conflict, "Load the licence that the job names."),
            Self::NotAllowed(_) => {
                ("not_allowed", Forbidden, "Ask the seller of the listing, or the store's operator.")
            }
            Self::ListingNotForSale(_) => {
                ("listing_not_for_sale", Gone, "Ask the publisher, or choose another listing.")
            }
            Self::AlreadyPublished => {
                ("already_published", Conflict, "Unlist it: then only its address leads to it.")
            }
            Self::NoRelease => ("no_release", NotFound, "List the versions and name one of them."),
            Self::ReleaseYanked(_) => {
                ("release_yanked", Gone, "Take another version, or ask the publisher for a new one.")
            }
            Self::ReleaseNotCovered(_) => {
                ("release_not_covered", PaymentRequired, "Name an older version, or buy the listing again.")
            }
            Self::VoucherForOther => ("voucher_for_other", Invalid, "Use it on the listing it was made for."),
            Self::VoucherUsedUp => ("voucher_used_up", Gone, "Ask whoever gave it to you for another."),
            Self::VoucherExpired => ("voucher_expired", Gone, "Ask whoever gave it to you for another."),
            Self::VoucherDisabled => ("voucher_disabled", Gone, "Ask whoever gave it to you for another."),
            Self::VoucherMismatch => {
                ("voucher_mismatch", Invalid, "Send the voucher's code with the payment method `voucher`.")
            }
            Self::NotFree => ("not_free", PaymentRequired, "Pay for it, or use a voucher."),
            Self::NoPrints => ("no_prints", Invalid, "Set the number of prints or devices to one or more."),
            Self::PurchaseState { .. } => {
                ("purchase_state", Conflict, "Look at the purchase's state and try what fits it.")
            }
            Self::RefundNeedsDecision => (
                "refund_needs_decision",
                Forbidden,
                "Ask the publisher or the store's operator for the refund.",
            ),
        }
    }
}
