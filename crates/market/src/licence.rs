//! What a buyer may do: N prints (or devices), until when.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AccountId, Fact, LicenceId, ListingId, ListingKind, Party, RuleError, Timestamp, Version};

/// Whether a licence gives keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum LicenceState {
    /// It does.
    Active,
    /// Not now.
    Suspended,
    /// Never again. Keys that are out stay out.
    Revoked,
}

/// Whether the payment for a licence stands. It is told apart from [`LicenceState`], so that a payment that comes back never
/// lifts what a person decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum LicencePayment {
    /// It does.
    #[default]
    Good,
    /// The chain took it back for now.
    Undone,
    /// It was given back on chain.
    Refunded,
}

/// What a buyer may do. `used + reserved <= allowed` holds through every rule of this crate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licence {
    /// Its identifier.
    pub id: LicenceId,
    /// For what.
    pub listing: ListingId,
    /// What it counts: prints of G-code, devices of a plugin.
    pub kind: ListingKind,
    /// Whose.
    pub holder: AccountId,
    /// Prints (devices, for plugins) it grants.
    pub allowed: u32,
    /// Prints that are gone; devices it counts.
    pub used: u32,
    /// Prints that unfinished jobs hold.
    pub reserved: u32,
    /// Whether it gives keys.
    pub state: LicenceState,
    /// Whether its payment stands.
    #[serde(default)]
    pub payment: LicencePayment,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// How many failed or cancelled prints it gives back in all.
    pub free_retries: u32,
    /// How many it has given back.
    pub free_retries_used: u32,
    /// How many keys were released under it.
    pub keys_released: u32,
    /// The newest version it covers; all when absent.
    pub covers: Option<Version>,
    /// The key that signed the publisher's releases when it was bought, as text.
    pub publisher_key: Option<String>,
}

impl Licence {
    /// How many prints can still be started.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.allowed.saturating_sub(self.used).saturating_sub(self.reserved)
    }

    /// Whether a key may be released under it now.
    ///
    /// # Errors
    /// [`RuleError::LicenceInactive`], [`RuleError::PaymentRefunded`], [`RuleError::PaymentUndone`],
    /// [`RuleError::LicenceExpired`].
    pub fn check_active(&self, now: Timestamp) -> Result<(), RuleError> {
        if self.state != LicenceState::Active {
            return Err(RuleError::LicenceInactive(self.state));
        }
        match self.payment {
            LicencePayment::Good => {}
            LicencePayment::Undone => return Err(RuleError::PaymentUndone),
            LicencePayment::Refunded => return Err(RuleError::PaymentRefunded),
        }
        if self.expires_at.is_some_and(|end| now.reached(end)) {
            return Err(RuleError::LicenceExpired);
        }
        Ok(())
    }

    /// What it looks like from outside: a payment that was undone suspends it, one that was given back revokes it.
    #[must_use]
    pub fn shown_state(&self) -> LicenceState {
        match (self.state, self.payment) {
            (LicenceState::Revoked, _) | (_, LicencePayment::Refunded) => LicenceState::Revoked,
            (LicenceState::Suspended, _) | (_, LicencePayment::Undone) => LicenceState::Suspended,
            (LicenceState::Active, LicencePayment::Good) => LicenceState::Active,
        }
    }

    /// Sets one print aside for a job.
    ///
    /// # Errors
    /// [`RuleError::NotPrintable`] on a plugin's licence, as [`Licence::check_active`], and
    /// [`RuleError::LicenceExhausted`] when none is left.
    pub fn reserve(mut self, now: Timestamp) -> Result<Self, RuleError> {
        if self.kind == ListingKind::Plugin {
            return Err(RuleError::NotPrintable);
        }
        self.check_active(now)?;
        if self.left() == 0 {
            return Err(RuleError::LicenceExhausted {
                allowed: self.allowed,
                used: self.used,
                reserved: self.reserved,
            });
        }
        self.reserved += 1;
        Ok(self)
    }

    /// Gives a reserved print back. Works on any licence, active or not.
    ///
    /// # Errors
    /// [`RuleError::NothingReserved`].
    pub fn release(mut self) -> Result<Self, RuleError> {
        self.reserved = self.reserved.checked_sub(1).ok_or(RuleError::NothingReserved)?;
        Ok(self)
    }

    /// Turns a reserved print into a used one. Works on any licence, active or not.
    ///
    /// # Errors
    /// [`RuleError::NothingReserved`].
    pub fn consume(mut self) -> Result<Self, RuleError> {
        self.reserved = self.reserved.checked_sub(1).ok_or(RuleError::NothingReserved)?;
        self.used = self.used.saturating_add(1);
        Ok(self)
    }

    /// Settles a print that failed or was cancelled after its key was out: given back while free retries last, then used.
    /// The flag says whether it was given back.
    ///
    /// # Errors
    /// [`RuleError::NothingReserved`].
    pub fn settle_failure(self) -> Result<(Self, bool), RuleError> {
        if self.free_retries_used >= self.free_retries {
            return Ok((self.consume()?, false));
        }
        let mut licence = self.release()?;
        licence.free_retries_used += 1;
        Ok((licence, true))
    }

    /// Notes whether its payment stands.
    pub(crate) fn change_payment(mut self, to: LicencePayment, facts: &mut Vec<Fact>) -> Self {
        if self.payment != to {
            facts.push(Fact::LicencePaymentChanged { licence: self.id.clone(), from: self.payment, to });
            self.payment = to;
        }
        self
    }

    /// Suspends it, lifts a suspension, or revokes it for good.
    ///
    /// # Errors
    /// [`RuleError::NotAllowed`] unless the publisher or an operator asks, [`RuleError::LicenceInactive`] once it is revoked.
    pub fn change_state(mut self, to: LicenceState, by: Party) -> Result<(Self, Vec<Fact>), RuleError> {
        if !matches!(by, Party::Publisher | Party::Operator) {
            return Err(RuleError::NotAllowed("the publisher or an operator"));
        }
        if self.state == to {
            return Ok((self, Vec::new()));
        }
        if self.state == LicenceState::Revoked {
            return Err(RuleError::LicenceInactive(self.state));
        }
        let fact = Fact::LicenceStateChanged { licence: self.id.clone(), from: self.state, to, by };
        self.state = to;
        Ok((self, vec![fact]))
    }
}

impl LicenceState {
    /// Its name, as it travels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
        }
    }
}

impl LicencePayment {
    /// Its name, as it is kept.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Undone => "undone",
            Self::Refunded => "refunded",
        }
    }
}

impl fmt::Display for LicenceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
