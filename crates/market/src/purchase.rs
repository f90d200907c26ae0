//! Purchases: how a licence was paid for. Paid implies obtainable; unpaid is never wrapped.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Device, Fact, Licence, LicenceId, LicencePayment, LicenceState, Listing, ListingId,
    ListingKind, Money, Party, Price, PurchaseId, RuleError, Terms, Timestamp, Version, Voucher,
};

/// Whether a purchase is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum PurchaseState {
    /// Not yet; there is no licence.
    Pending,
    /// It is; there is a licence.
    Paid,
    /// It was, and the chain took the payment back for now; its licence gives no key meanwhile.
    Undone,
    /// Paid back; its licence gives no key any more.
    Refunded,
    /// It came to nothing.
    Failed,
    /// The buyer called it off before it was paid.
    Cancelled,
    /// The seller did not take it.
    Declined,
}

/// How a purchase is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum PaymentMethod {
    /// The listing is free.
    Free,
    /// By a voucher's code.
    Voucher,
    /// The publisher or an operator says so.
    MarkedPaid,
    /// A payment provider says so.
    Webhook,
    /// A finalised transaction says so.
    Chain,
}

/// One purchase. The terms are those of the moment it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// Its identifier.
    pub id: PurchaseId,
    /// Of what.
    pub listing: ListingId,
    /// What its file is.
    pub kind: ListingKind,
    /// By whom.
    pub buyer: AccountId,
    /// Whether it is paid.
    pub state: PurchaseState,
    /// How.
    pub method: PaymentMethod,
    /// What it costs.
    pub price: Price,
    /// What it gives.
    pub terms: Terms,
    /// The newest version when it was bought.
    pub version: Option<Version>,
    /// The key that signs the publisher's releases, as text.
    pub publisher_key: Option<String>,
    /// The plugin's first device: the licence counts it as soon as there is one.
    pub device: Option<Device>,
    /// What it gave; there from when it was paid first.
    pub licence: Option<LicenceId>,
}

/// What is needed to begin a purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPurchase {
    /// A fresh identifier.
    pub id: PurchaseId,
    /// A fresh identifier, used when the purchase is paid at once.
    pub licence: LicenceId,
    /// By whom.
    pub buyer: AccountId,
    /// How.
    pub method: PaymentMethod,
    /// With [`PaymentMethod::Voucher`], and only then.
    pub voucher: Option<Voucher>,
    /// The newest active version of the listing.
    pub version: Option<Version>,
    /// The key that signs the publisher's releases, as text; the licence keeps it.
    pub publisher_key: Option<String>,
    /// For plugins, the device to begin with.
    pub device: Option<Device>,
}

/// What happens to a purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PurchaseEvent {
    /// The money is there.
    Paid {
        /// A fresh identifier for the licence.
        licence: LicenceId,
    },
    /// A payment provider says that the money came. It moved, so it counts, also where the order was called off before.
    Received {
        /// A fresh identifier for the licence.
        licence: LicenceId,
    },
    /// The money will not come.
    Failed,
    /// The buyer calls the order off.
    Cancel {
        /// Who decides: the buyer alone.
        by: Party,
    },
    /// The seller does not take the order.
    Decline {
        /// Who decides: the publisher, or an operator.
        by: Party,
    },
    /// The money goes back.
    Refund {
        /// Who decides. Buyer and store only while no key was released.
        by: Party,
    },
    /// The chain took the block of the payment back.
    Undone,
    /// The payment is on the chain again, or its refund is no longer.
    Restored,
    /// The contract gave the money back.
    RefundedOnChain,
}

/// A purchase after an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurchaseTransition {
    /// The purchase.
    pub purchase: Purchase,
    /// Its licence, to be inserted or saved. After a refund, cancel the licence's jobs whose key is not out.
    pub licence: Option<Licence>,
    /// What is left of the voucher, to be saved.
    pub voucher: Option<Voucher>,
    /// What to write to the audit log.
    pub facts: Vec<Fact>,
}

/// Begins a purchase. Free ones and vouchers are paid at once and bring their licence; others wait as `pending`.
///
/// # Errors
/// [`RuleError::ListingNotForSale`], [`RuleError::NotFree`], [`RuleError::VoucherMismatch`] and those of [`Voucher::redeem`];
/// [`RuleError::NoDevices`] with a device for anything but a plugin, [`RuleError::NoRelease`] for a plugin without a version.
pub fn start_purchase(
    listing: &Listing,
    new: NewPurchase,
    now: Timestamp,
) -> Result<PurchaseTransition, RuleError> {
    listing.check_sale()?;
    if new.voucher.is_some() != (new.method == PaymentMethod::Voucher) {
        return Err(RuleError::VoucherMismatch);
    }
    if new.method == PaymentMethod::Free && listing.price != Price::Free {
        return Err(RuleError::NotFree);
    }
    match listing.kind {
        ListingKind::Plugin if new.version.is_none() => return Err(RuleError::NoRelease),
        ListingKind::Gcode if new.device.is_some() => return Err(RuleError::NoDevices),
        _ => {}
    }
    let (presented, licence) = (new.voucher.clone(), new.licence.clone());
    let (mut purchase, started) = Purchase::begin(listing, new, listing.price.clone());
    let mut facts = vec![started];
    let mut voucher = None;
    if let Some(presented) = presented {
        let redemption = presented.redeem(&listing.id, now)?;
        facts.extend(redemption.facts);
        purchase.terms.prints = redemption.voucher.prints.unwrap_or(purchase.terms.prints);
        voucher = Some(redemption.voucher);
    }
    if purchase.terms.prints == 0 {
        return Err(RuleError::NoPrints);
    }
    match purchase.method {
        PaymentMethod::Free | PaymentMethod::Voucher => {
            let paid = purchase.apply(None, PurchaseEvent::Paid { licence }, now)?;
            facts.extend(paid.facts);
            Ok(PurchaseTransition { voucher, facts, ..paid })
        }
        _ => Ok(PurchaseTransition { purchase, licence: None, voucher, facts }),
    }
}

/// Begins a purchase that a transaction pays for. Whether the listing is still sold does not matter: the contract asks nobody,
/// and what was paid is obtainable. `paid` is what the transaction pays, or what it is expected to pay.
///
/// # Errors
/// [`RuleError::NoPrints`] when its terms grant nothing, [`RuleError::NoRelease`] without a version,
/// [`RuleError::VoucherMismatch`] with a voucher or another method.
pub fn start_chain_purchase(
    listing: &Listing,
    new: NewPurchase,
    paid: Money,
) -> Result<PurchaseTransition, RuleError> {
    if new.voucher.is_some() || new.method != PaymentMethod::Chain {
        return Err(RuleError::VoucherMismatch);
    }
    if listing.terms.prints == 0 {
        return Err(RuleError::NoPrints);
    }
    if new.version.is_none() {
        return Err(RuleError::NoRelease);
    }
    let (mut purchase, started) = Purchase::begin(listing, new, Price::Fixed(paid));
    // Prints have no devices: whoever holds the key that was paid for prints.
    purchase.device = purchase.device.filter(|_| listing.kind == ListingKind::Plugin);
    Ok(PurchaseTransition { purchase, licence: None, voucher: None, facts: vec![started] })
}

impl Purchase {
    /// Applies `event`. `licence` is the purchase's own, where there is one.
    ///
    /// # Errors
    /// [`RuleError::PurchaseState`] when it is in no state for this, [`RuleError::OtherLicence`] when another licence was
    /// loaded, [`RuleError::RefundNeedsDecision`] when a key is out and neither publisher nor operator asks,
    /// [`RuleError::RefundOnChain`] when a person refunds what was paid on chain, [`RuleError::PaidOnChain`] when anybody else
    /// decides on what the chain does, [`RuleError::NotAllowed`] when the seller cancels, or the buyer declines.
    pub fn apply(
        mut self,
        licence: Option<Licence>,
        event: PurchaseEvent,
        now: Timestamp,
    ) -> Result<PurchaseTransition, RuleError> {
        if self.licence.as_ref() != licence.as_ref().map(|l| &l.id) {
            return Err(RuleError::OtherLicence);
        }
        if self.method == PaymentMethod::Chain {
            match event {
                PurchaseEvent::Paid { .. } if licence.is_some() => return self.pay_again(licence),
                PurchaseEvent::Restored => return self.pay_again(licence),
                PurchaseEvent::Undone => {
                    return self.unpay(licence, PurchaseState::Undone, LicencePayment::Undone);
                }
                PurchaseEvent::RefundedOnChain => {
                    return self.unpay(licence, PurchaseState::Refunded, LicencePayment::Refunded);
                }
                PurchaseEvent::Refund { .. } => return Err(RuleError::RefundOnChain),
                PurchaseEvent::Received { .. }
                | PurchaseEvent::Cancel { .. }
                | PurchaseEvent::Decline { .. } => return Err(RuleError::PaidOnChain),
                PurchaseEvent::Paid { .. } | PurchaseEvent::Failed => {}
            }
        }
        let mut facts = Vec::new();
        let may_be_paid = self.may_be_paid(&event);
        let licence = match (event, self.state) {
            (PurchaseEvent::Paid { licence: id } | PurchaseEvent::Received { licence: id }, _)
                if may_be_paid =>
            {
                let mut granted = self.grant(id, now);
                self.state = PurchaseState::Paid;
                self.licence = Some(granted.id.clone());
                facts.push(Fact::PurchasePaid { purchase: self.id.clone(), licence: granted.id.clone() });
                facts.push(Fact::LicenceGranted {
                    licence: granted.id.clone(),
                    listing: granted.listing.clone(),
                    holder: granted.holder.clone(),
                    allowed: granted.allowed,
                });
                if let Some(device) = self.device.clone() {
                    let registration = granted.register_device(&[], device, now)?;
                    facts.extend(registration.facts);
                    granted = registration.licence;
                }
                Some(granted)
            }
            // A payment provider says it twice: the first answer stands.
            (PurchaseEvent::Paid { .. } | PurchaseEvent::Received { .. }, PurchaseState::Paid) => licence,
            (PurchaseEvent::Cancel { by }, _) if by != Party::Buyer => {
                return Err(RuleError::NotAllowed("the buyer"));
            }
            (PurchaseEvent::Decline { by }, _) if !matches!(by, Party::Publisher | Party::Operator) => {
                return Err(RuleError::NotAllowed("the publisher or an operator"));
            }
            // Asked again: it is as it was asked for.
            (PurchaseEvent::Cancel { .. }, PurchaseState::Cancelled)
            | (PurchaseEvent::Decline { .. }, PurchaseState::Declined) => licence,
            (PurchaseEvent::Cancel { .. }, PurchaseState::Pending) => {
                self.state = PurchaseState::Cancelled;
                facts.push(Fact::PurchaseCancelled { purchase: self.id.clone() });
                licence
            }
            (PurchaseEvent::Decline { by }, PurchaseState::Pending) => {
                self.state = PurchaseState::Declined;
                facts.push(Fact::PurchaseDeclined { purchase: self.id.clone(), by });
                licence
            }
            (PurchaseEvent::Failed, PurchaseState::Pending) => {
                self.state = PurchaseState::Failed;
                facts.push(Fact::PurchaseFailed { purchase: self.id.clone() });
                licence
            }
            (PurchaseEvent::Refund { by }, PurchaseState::Paid) => {
                let mut licence = licence.ok_or(RuleError::OtherLicence)?;
                if licence.keys_released > 0 && !matches!(by, Party::Publisher | Party::Operator) {
                    return Err(RuleError::RefundNeedsDecision);
                }
                facts.push(Fact::PurchaseRefunded { purchase: self.id.clone(), by });
                if licence.state != LicenceState::Revoked {
                    facts.push(Fact::LicenceStateChanged {
                        licence: licence.id.clone(),
                        from: licence.state,
                        to: LicenceState::Revoked,
                        by,
                    });
                    licence.state = LicenceState::Revoked;
                }
                self.state = PurchaseState::Refunded;
                Some(licence)
            }
            (event, state) => return Err(RuleError::PurchaseState { state, action: event.participle() }),
        };
        Ok(PurchaseTransition { purchase: self, licence, voucher: None, facts })
    }

    /// Whether money that comes now pays for it. A payment that was given up may come after all; what was called off is paid by
    /// money that moved, not by anybody's word.
    fn may_be_paid(&self, event: &PurchaseEvent) -> bool {
        use PurchaseState::{Cancelled, Declined, Failed, Paid, Pending};
        match (event, self.method) {
            (PurchaseEvent::Paid { .. }, PaymentMethod::Chain) => self.state != Paid,
            (PurchaseEvent::Paid { .. }, PaymentMethod::Webhook) => matches!(self.state, Pending | Failed),
            (PurchaseEvent::Paid { .. }, _) => self.state == Pending,
            (PurchaseEvent::Received { .. }, _) => {
                matches!(self.state, Pending | Failed | Cancelled | Declined)
            }
            _ => false,
        }
    }

    fn begin(listing: &Listing, new: NewPurchase, price: Price) -> (Self, Fact) {
        let purchase = Self {
            id: new.id,
            listing: listing.id.clone(),
            kind: listing.kind,
            buyer: new.buyer,
            state: PurchaseState::Pending,
            method: new.method,
            price,
            terms: listing.terms.clone(),
            version: new.version,
            publisher_key: new.publisher_key,
            device: new.device,
            licence: None,
        };
        let started = Fact::PurchaseStarted {
            purchase: purchase.id.clone(),
            listing: purchase.listing.clone(),
            buyer: purchase.buyer.clone(),
            method: purchase.method,
        };
        (purchase, started)
    }

    /// The payment does not stand: the licence gives no key.
    fn unpay(
        mut self,
        licence: Option<Licence>,
        to: PurchaseState,
        payment: LicencePayment,
    ) -> Result<PurchaseTransition, RuleError> {
        let mut facts = Vec::new();
        if self.state != to && (licence.is_some() || payment == LicencePayment::Refunded) {
            facts.push(match payment {
                LicencePayment::Refunded => {
                    Fact::PurchaseRefunded { purchase: self.id.clone(), by: Party::Store }
                }
                _ => Fact::PurchaseUndone { purchase: self.id.clone() },
            });
            self.state = to;
        }
        let licence = licence.map(|licence| licence.change_payment(payment, &mut facts));
        Ok(PurchaseTransition { purchase: self, licence, voucher: None, facts })
    }

    /// The payment stands again: the licence gives keys, unless a person took it away.
    fn pay_again(mut self, licence: Option<Licence>) -> Result<PurchaseTransition, RuleError> {
        let licence = licence.ok_or(RuleError::PurchaseState { state: self.state, action: "paid again" })?;
        let mut facts = Vec::new();
        if self.state != PurchaseState::Paid {
            facts.push(Fact::PurchaseRestored { purchase: self.id.clone() });
            self.state = PurchaseState::Paid;
        }
        let licence = licence.change_payment(LicencePayment::Good, &mut facts);
        Ok(PurchaseTransition { purchase: self, licence: Some(licence), voucher: None, facts })
    }

    fn grant(&self, id: LicenceId, now: Timestamp) -> Licence {
        Licence {
            id,
            listing: self.listing.clone(),
            kind: self.kind,
            holder: self.buyer.clone(),
            allowed: self.terms.prints,
            used: 0,
            reserved: 0,
            state: LicenceState::Active,
            payment: LicencePayment::Good,
            expires_at: self.terms.valid_seconds.map(|seconds| now.plus_seconds(seconds)),
            free_retries: self.terms.free_retries,
            free_retries_used: 0,
            keys_released: 0,
            covers: if self.terms.free_updates { None } else { self.version.clone() },
            publisher_key: self.publisher_key.clone(),
        }
    }
}

impl PurchaseEvent {
    fn participle(&self) -> &'static str {
        match self {
            Self::Paid { .. } | Self::Received { .. } => "paid",
            Self::Cancel { .. } => "cancelled",
            Self::Decline { .. } => "declined",
            Self::Failed => "given up",
            Self::Refund { .. } | Self::RefundedOnChain => "refunded",
            Self::Undone => "undone",
            Self::Restored => "paid again",
        }
    }
}

impl PurchaseState {
    /// Its name, as it travels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Undone => "undone",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Declined => "declined",
        }
    }
}

impl fmt::Display for PurchaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
