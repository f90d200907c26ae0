//! How often something may be done, by action.

use sealpost_accounts::limit::Rate;
use serde::{Deserialize, Serialize};

/// How often something may be done: settings `[rate_limits]`. Each process counts for itself, in memory of a constant size.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// Wrong passwords for one account from one address.
    pub sign_in: Rate,
    /// Wrong passwords for one account from all addresses together; those that it was signed in from lately are not counted.
    pub sign_in_account: Rate,
    /// Wrong passwords and set-up links from one address.
    pub sign_in_address: Rate,
    /// New accounts from one address.
    pub sign_up: Rate,
    /// Pairings begun from one address.
    pub pairing_start: Rate,
    /// Questions about pairings and answers taken, from one address.
    pub pairing_question: Rate,
    /// Wrong pairing codes of one person.
    pub pairing_code: Rate,
    /// Printers that prove their key, from one address.
    pub challenge: Rate,
    /// Wrong voucher codes of one person.
    pub voucher: Rate,
    /// Purchases of one person.
    pub purchase: Rate,
    /// Devices registered, and bundles fetched, by one person.
    pub device: Rate,
    /// Uploads of one person.
    pub upload: Rate,
    /// Jobs that one person makes.
    pub job: Rate,
    /// Listings that one person reports, and reviews that one person writes.
    pub report: Rate,
    /// Messages to webhooks that one person has sent to try one, or sent again.
    pub webhook: Rate,
    /// Polls, event streams and claims of one printer.
    pub poll: Rate,
}

impl Default for RateLimits {
    fn default() -> Self {
        let people = sealpost_accounts::Limits::default();
        Self {
            sign_in: people.sign_in,
            sign_in_account: people.sign_in_account,
            sign_in_address: people.sign_in_address,
            sign_up: people.sign_up,
            pairing_start: Rate::new(120, 5_000),
            pairing_question: Rate::new(600, 50),
            pairing_code: Rate::new(20, 10_000),
            challenge: Rate::new(300, 200),
            voucher: Rate::new(20, 10_000),
            purchase: Rate::new(300, 200),
            device: Rate::new(300, 200),
            upload: Rate::new(120, 5_000),
            job: Rate::new(600, 100),
            report: Rate::new(10, 600_000),
            webhook: Rate::new(60, 10_000),
            poll: Rate::new(600, 100),
        }
    }
}

impl RateLimits {
    pub(crate) fn people(&self) -> sealpost_accounts::Limits {
        sealpost_accounts::Limits {
            sign_in: self.sign_in,
            sign_in_account: self.sign_in_account,
            sign_in_address: self.sign_in_address,
            sign_up: self.sign_up,
        }
    }

    /// Whether each of them lets anything through.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let all = [
            self.sign_in,
            self.sign_in_account,
            self.sign_in_address,
            self.sign_up,
            self.pairing_start,
            self.pairing_question,
            self.pairing_code,
            self.challenge,
            self.voucher,
            self.purchase,
            self.device,
            self.upload,
            self.job,
            self.report,
            self.webhook,
            self.poll,
        ];
        if all.iter().any(|rate| rate.burst == 0) {
            return Err("a limit that lets nothing through shuts everybody out: set `burst` to 1 at least");
        }
        Ok(())
    }
}
