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
pub(crate) struct Strangers {
    /// Requests of a household: many, for wallets ask again for what they have.
    asked: Limiter,
    /// New licences of a household that nobody paid for.
    bought: Limiter,
    /// Those of everybody together: households are cheap to have.
    all: Limiter,
}

impl Default for Strangers {
    fn default() -> Self {
        Self {
            asked: Limiter::new(60, 2_000),
            bought: Limiter::new(10, 60_000),
            all: Limiter::new(2_000, 5_000),
        }
    }
}

impl Strangers {
    /// Counts a request.
    pub(crate) fn attempt(&self, address: ClientAddress, now_ms: i64) -> Result<()> {
        self.asked.attempt(address.household(), now_ms).map_err(too_many)
    }

    /// Counts a new licence that costs nothing.
    pub(crate) fn purchase(&self, address: ClientAddress, now_ms: i64) -> Result<()> {
        self.bought.attempt(address.household(), now_ms).map_err(too_many)?;
        self.all.attempt((), now_ms).map_err(|seconds| {
            self.bought.refund(address.household());
            too_many(seconds)
        })
    }

    /// Nothing came of it.
    pub(crate) fn refund(&self, address: ClientAddress) {
        self.bought.refund(address.household());
        self.all.refund(());
    }
}

fn too_many(seconds: u64) -> Fault {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many purchases")
        .hint("Wait a little, or sign in.")
        .retry_after(seconds)
        .into()
}

/// The account that stands for a wallet.
pub(crate) fn holder(key: &DeviceKey) -> Result<AccountId> {
    let hash = Sha256::digest(format!("{}:{}", key.curve, key.public_key));
    AccountId::parse(&format!("w_{}", &hex::encode(hash)[..40])).map_err(Fault::internal)
}

/// The id of a holder's purchase number `count` of a listing: of two that are begun at the same time, one fails and finds the other.
pub(crate) fn purchase(holder: &AccountId, listing: &str, count: usize) -> Result<PurchaseId> {
    let hash = Sha256::digest(format!("{holder}:{listing}:{count}"));
    PurchaseId::parse(&format!("pu_{}", &hex::encode(hash)[..40])).map_err(Fault::internal)
}
