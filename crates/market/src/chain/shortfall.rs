//! What the contract lacks of a payment that is to go back.

use super::PurchaseReceipt;

impl PurchaseReceipt {
    /// What whoever gives the payment back has to add, in minor units: `earned` is what its publisher can withdraw without
    /// any share that waits, `waiting` the platform's share of all sales in that coin or token that still waits.
    ///
    /// A refund takes the publisher's part from the publisher alone and the share from what waits, never one for the other.
    #[must_use]
    pub fn shortfall(&self, earned: u128, waiting: u128) -> u128 {
        let fee = self.fee.min(self.amount);
        let part = self.amount - fee;
        part.saturating_sub(earned) + fee.saturating_sub(waiting)
    }
}

#[cfg(test)]
mod tests {
    use crate::chain::{Address, PurchaseReceipt};

    fn paid(amount: u128, fee: u128) -> PurchaseReceipt {
        let [payer, publisher] = [1, 2].map(|byte| Address::new([byte; 20]));
        PurchaseReceipt { payer, publisher, token: None, amount, fee, paid_at: 0 }
    }

    #[test]
    fn neither_part_covers_for_the_other() {
        let paid = paid(100, 15);
        for (earned, waiting, missing) in
            [(85, 15, 0), (999, 999, 0), (84, 15, 1), (999, 0, 15), (0, 999, 85), (0, 0, 100)]
        {
            assert_eq!(paid.shortfall(earned, waiting), missing, "{earned} and {waiting}");
        }
    }

    #[test]
    fn the_largest_sums_do_not_overflow() {
        assert_eq!(paid(u128::MAX, u128::MAX).shortfall(0, 0), u128::MAX);
        assert_eq!(paid(1, u128::MAX).shortfall(0, 0), 1);
    }
}
