//! Buyers without an account: the wallet is the holder.

use http::StatusCode;
use sealpost_accounts::ApiError;
use sealpost_accounts::extract::ClientAddress;
use sealpost_accounts::limit::Limiter;
use sealpost_market::{AccountId, DeviceKey, PurchaseId};
use sha2::{Digest, Sha256};

use crate::fault::{Fault, Result};

/// What strangers may do in a while, for each household.
#[derive(Debug)]
pub(crate) struct Strangers(Limiter);

impl Default for Strangers {
    fn default() -> Self {
        Self(Limiter::new(60, 2_000))
    }
}

impl Strangers {
    /// Counts a purchase.
    pub(crate) fn attempt(&self, address: ClientAddress, now_ms: i64) -> Result<()> {
        self.0.attempt(address.household(), now_ms).map_err(|seconds| {
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many purchases")
                .hint("Wait a little, or sign in.")
                .retry_after(seconds)
                .into()
        })
    }
}

/// The account that stands for a wallet.
pub(crate) fn holder(key: &DeviceKey) -> Result<AccountId> {
    let hash = Sha256::digest(format!("{}:{}", key.curve, key.public_key));
    AccountId::parse(&format!("w_{}", &hex::encode(hash)[..40])).map_err(Fault::internal)
}

/// The id of a wallet's purchase number `count` of a listing: of two that are begun at the same time, one fails and finds the other.
pub(crate) fn purchase(holder: &AccountId, listing: &str, count: u64) -> Result<PurchaseId> {
    let hash = Sha256::digest(format!("{holder}:{listing}:{count}"));
    PurchaseId::parse(&format!("pu_{}", &hex::encode(hash)[..40])).map_err(Fault::internal)
}
