//! Vouchers: a code that pays for a listing.

use std::fmt;

use zeroize::Zeroizing;

use crate::{Fact, ListingId, RuleError, Timestamp};

/// Random bytes one generated code takes.
pub const CODE_RANDOM_BYTES: usize = 13;

/// Why a text is no voucher code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a voucher code has 8 to 40 letters, digits and dashes")]
pub struct VoucherCodeError;

/// The secret on a voucher. Whoever knows it can redeem it, so it has no `Display` and stores keep a hash of it.
#[derive(Clone, PartialEq, Eq)]
pub struct VoucherCode(Zeroizing<String>);

/// What a voucher gives, as its store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voucher {
    /// What it is for.
    pub listing: ListingId,
    /// How often it can still be redeemed.
    pub uses_left: u32,
    /// Prints each redemption grants; the listing's terms when absent.
    pub prints: Option<u32>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Whether its publisher took it back.
    pub disabled: bool,
}

/// A voucher after it was redeemed once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redemption {
    /// What is left of it.
    pub voucher: Voucher,
    /// What to write to the audit log.
    pub facts: Vec<Fact>,
}

impl Voucher {
    /// Redeems it once for `listing`.
    ///
    /// # Errors
    /// [`RuleError::VoucherForOther`], [`RuleError::VoucherDisabled`], [`RuleError::VoucherExpired`], [`RuleError::VoucherUsedUp`].
    pub fn redeem(mut self, listing: &ListingId, now: Timestamp) -> Result<Redemption, RuleError> {
        if self.listing != *listing {
            return Err(RuleError::VoucherForOther);
        }
        if self.disabled {
            return Err(RuleError::VoucherDisabled);
        }
        if self.expires_at.is_some_and(|end| now.reached(end)) {
            return Err(RuleError::VoucherExpired);
        }
        self.uses_left = self.uses_left.checked_sub(1).ok_or(RuleError::VoucherUsedUp)?;
        let facts = vec![Fact::VoucherRedeemed { listing: listing.clone(), uses_left: self.uses_left }];
        Ok(Redemption { voucher: self, facts })
    }
}

impl VoucherCode {
    /// Reads a code as people type it: spaces and case do not matter, O and I read as 0 and 1.
    ///
    /// # Errors
    /// When it is not 8 to 40 letters, digits and dashes.
    pub fn parse(text: &str) -> Result<Self, VoucherCodeError> {
        let mut code = Zeroizing::new(String::with_capacity(40));
        for c in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            let c = match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                c if c.is_ascii_alphanumeric() => c,
                _ => return Err(VoucherCodeError),
            };
            if code.len() == 40 {
                return Err(VoucherCodeError);
            }
            code.push(c);
        }
        if code.len() < 8 { Err(VoucherCodeError) } else { Ok(Self(code)) }
    }

    /// A code of 16 characters (80 bits) from the caller's random bytes.
    #[must_use]
    pub fn generate(random: &[u8; CODE_RANDOM_BYTES]) -> Self {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let bits = random.iter().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
        let mut code = Zeroizing::new(String::with_capacity(16));
        for i in 0..16 {
            code.push(char::from(ALPHABET[(bits >> (i * 5)) as usize & 31]));
        }
        Self(code)
    }

    /// The canonical code, for hashing and for showing it once to whoever made it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for VoucherCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VoucherCode([redacted])")
    }
}
